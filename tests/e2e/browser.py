"""A person at a browser: opens the link, signs in, presses a button, copies the code."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Self

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.e2e.instance import Account

PATIENCE, POLL = 15.0, 0.05
ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # it has none as root, and it opens nothing but our own pages
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browser:
    """A headless Chromium with an empty profile; it runs inside the `with` block."""

    def __init__(self) -> None:
        self._stop = contextlib.ExitStack()

    def approve(self, url: str, account: Account) -> str:
        """Do all that a person does to get a code: a new sign-in, Authorize, copy."""
        self.sign_in(url, account)
        self.press("Authorize")
        return self.code()

    def sign_in(self, url: str, account: Account) -> None:
        """Open the link as somebody who has to sign in first."""
        self._chrome.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self._chrome.get(url)
        self._find("#email").send_keys(account.email)
        self._find("#password").send_keys(account.password)
        self.press("Log in")

    def press(self, button: str) -> None:
        self._find(f'input[type=submit][value="{button}"]').click()

    def code(self) -> str:
        return str(self._find("#authorization_code").text)

    def refusal(self) -> str:
        """Copy what the page says in place of a code."""
        return str(self._find("pre").text)

    def heading(self) -> str:
        return str(self._find("main h1").text)

    @property
    def address(self) -> str:
        return str(self._chrome.current_url)

    def callback(self) -> str:
        """Copy the address that the instance sent the browser to; nobody may answer there."""
        wait = WebDriverWait(self._chrome, PATIENCE, POLL)
        wait.until(lambda _: "/callback?" in self.address, "the instance sent it nowhere")
        return self.address

    def screenshot(self, path: Path) -> None:
        path.write_bytes(self._chrome.get_screenshot_as_png())

    def _find(self, selector: str) -> WebElement:
        """Wait for the page that has this: one after the other may still be loading."""
        wait = WebDriverWait(self._chrome, PATIENCE, POLL, ignored_exceptions=[WebDriverException])
        by = (By.CSS_SELECTOR, selector)
        return wait.until(lambda chrome: chrome.find_element(*by), f"{selector} is on no page")

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            profile = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
            )
            options = ChromeOptions()
            options.binary_location = shutil.which("chromium") or "chromium"
            for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
                options.add_argument(argument)
            # Both paths are given, so that Selenium downloads neither.
            driver = shutil.which("chromedriver") or "chromedriver"
            service = ChromeService(driver, log_output=os.devnull)
            self._chrome = Chrome(options, service)
            stack.callback(self._chrome.quit)
            self._stop = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.close()
