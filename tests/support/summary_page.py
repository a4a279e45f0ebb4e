"""Draws the README's other picture: the summaries of the two runs, as GitHub shows them.

    python -m tests.support.summary_page            draws .github/summary.png

The runs are played at the sandbox, the Markdown is rendered by GitHub's own parser and
styled as on github.com, and Chromium takes the picture. Needs what `make e2e` installs, npm, and
Debian's fonts-liberation and fonts-noto-color-emoji.
"""

import contextlib
import hashlib
import io
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

from PIL import Image
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By

from tests.action.page import render
from tests.action.step import served
from tests.e2e.browser import ARGUMENTS
from tests.servers.fetch import npm, run

PICTURE, HOST = Path(".github/summary.png"), "mastodon.social"
STYLE = "github-markdown-css@5.9.0"
SHA512 = (
    "b664f9b18fb3be0db7d365cb6047c7da6b6456220cd5259fda7bd8a05e4dd59b"
    "0ed15e81daa6538b0dc63b3c38be98cbca02bf286df9a9194f170787a9fcf3e7"
)
MEMBER = "package/github-markdown-light.css"
FRAME = """
body { margin: 0; background: #fff; }
main { width: 780px; padding: 8px; }
section { margin: 0; font: 14px/1.5 "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; }
section + section { margin-top: 20px; }
p.when { margin: 0 0 8px; color: #59636e; }
p.when b { color: #1f2328; }
div.card { border: 1px solid #d1d9e0; border-radius: 6px; overflow: hidden; }
div.card header { padding: 10px 16px; font-weight: 600; border-bottom: 1px solid #d1d9e0; }
div.card article { padding: 16px; }
div.card article > :last-child { margin-bottom: 0; }
"""
"""What stands around a summary on the run's page."""


def main() -> None:
    """Draw the picture of the two summaries that a new user meets."""
    with TemporaryDirectory() as folder, served(Path(folder)) as site:
        begin = site.run()
        complete = site.run(inputs={"code": site.approve(begin.outputs["authorize-url"])})
        captioned = {
            "<b>First run.</b> <i>Run workflow</i>, both fields left empty:": begin,
            "<b>Second run.</b> <i>Run workflow</i>, with the code:": complete,
        }
        local = site.instance.origin.removeprefix("http://")
        html = page({caption: run.summary for caption, run in captioned.items()}, stylesheet())
    html = html.replace(f"http://{local}", f"https://{HOST}").replace(local, HOST)
    with browser() as chrome:
        PICTURE.write_bytes(draw(chrome, html))


def page(captioned: dict[str, str], style: str) -> str:
    """A page with these summaries."""
    sections = "".join(
        f'<section><p class="when">{caption}</p><div class="card"><header>credentials summary'
        f'</header><article class="markdown-body">{render(summary)}</article></div></section>'
        for caption, summary in captioned.items()
    )
    return f"<!doctype html><style>{style}{FRAME}</style><main>{sections}</main>"


def draw(chrome: Chrome, html: str) -> bytes:
    """The page as a PNG, cropped, in as many colours as a small file has."""
    with NamedTemporaryFile("w", suffix=".html") as file:
        file.write(html)
        file.flush()
        chrome.get(f"file://{file.name}")
        main = chrome.find_element(By.TAG_NAME, "main")
        chrome.set_window_size(1000, main.size["height"] + 300)
        picture = Image.open(io.BytesIO(main.screenshot_as_png)).convert("RGB")
    small = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


@contextlib.contextmanager
def browser() -> Iterator[Chrome]:
    """A headless Chromium, for screens of twice the usual density."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = shutil.which("chromium") or "chromium"
        for argument in (
            *ARGUMENTS,
            f"--user-data-dir={profile}",
            "--force-device-scale-factor=2",
            "--hide-scrollbars",
        ):
            options.add_argument(argument)
        driver = shutil.which("chromedriver") or "chromedriver"
        chrome = Chrome(options, ChromeService(driver, log_output=os.devnull))
        try:
            yield chrome
        finally:
            chrome.quit()


def stylesheet() -> str:
    """GitHub's own style of Markdown, wherever this machine's npm is told to look for packages."""
    with TemporaryDirectory() as folder:
        quiet = {"npm_config_update_notifier": "false", "npm_config_cache": f"{folder}/cache"}
        command = (npm(), "pack", "--loglevel=error", STYLE)
        run(*command, cwd=Path(folder), env=os.environ | quiet)
        [archive] = Path(folder).glob("*.tgz")
        if hashlib.sha512(archive.read_bytes()).hexdigest() != SHA512:
            sys.exit(f"{STYLE}: what was downloaded is not what this repository expects")
        with tarfile.open(archive) as files:
            member = files.extractfile(MEMBER)
            assert member is not None
            return member.read().decode()


if __name__ == "__main__":
    main()
