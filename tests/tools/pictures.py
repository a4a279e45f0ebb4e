"""`make pictures`: draws what README and docs show, from real output.

- .github/demo.svg: what `provisioner demo` prints, on a terminal of 80 columns
- .github/landing-*.png: the page on which the browser lands after a setup
- .github/summary-*.png: the summary of a completing run, as GitHub shows it

The PNGs are drawn by Chromium, once in light and once in dark. GitHub's own parser and style render
the summary. It needs what `make e2e` installs, npm, and Debian's fonts-liberation and
fonts-noto-color-emoji.
"""

import contextlib
import hashlib
import io
import os
import re
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

from PIL import Image
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By

from provisioner.demo import play
from provisioner.landing import outcome
from provisioner.terminal import Terminal
from tests.action.page import render
from tests.action.step import served
from tests.e2e.browser import ARGUMENTS
from tests.program.program import launch_in_terminal
from tests.servers.fetch import npm, run

FOLDER = Path(".github")
HOST, LOCAL = "mastodon.social", re.compile(r"(?:http://)?127\.0\.0\.1:\d+")
# The picture is self-contained: no font is fetched from anywhere.
TERMINAL = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
STYLE = "github-markdown-css@5.9.0"
SHA512 = (
    "b664f9b18fb3be0db7d365cb6047c7da6b6456220cd5259fda7bd8a05e4dd59b"
    "0ed15e81daa6538b0dc63b3c38be98cbca02bf286df9a9194f170787a9fcf3e7"
)
FRAME = "body { margin: 0 } main { width: 560px; padding: 16px }"


def main() -> None:
    """Draw them all."""
    (FOLDER / "demo.svg").write_text(terminal())
    pages = {"landing": landing(), "summary": summary()}
    for theme in ("light", "dark"):
        with browser(theme) as chrome:
            for name, html in pages.items():
                (FOLDER / f"{name}-{theme}.png").write_bytes(draw(chrome, html))


def terminal() -> str:
    """The demo, as an SVG."""
    demo = launch_in_terminal("demo").replace("\r", "")
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=80, file=nowhere, highlight=False)
        console.print(Text.from_ansi(demo.strip()), no_wrap=True, overflow="ellipsis")
        svg = console.export_svg(
            title="provisioner demo", theme=DIMMED_MONOKAI, code_format=TERMINAL
        )
    return svg.replace("Fira Code, monospace", "ui-monospace, Menlo, monospace")


def landing() -> str:
    """The page of a setup that the demo plays."""
    with contextlib.redirect_stdout(io.StringIO()) as silent:
        report = play(Terminal(progress=silent))
    style = "<style>body { padding: 0 } main { width: 30rem; padding: 1rem }</style>"
    return LOCAL.sub(HOST, outcome(report)).replace("</head>", f"{style}</head>")


def summary() -> str:
    """The page of a completing run."""
    with TemporaryDirectory() as folder, served(Path(folder)) as site:
        begun = site.run()
        done = site.run(inputs={"code": site.approve(begun.outputs["authorize-url"])})
        text = LOCAL.sub(HOST, render(done.summary))
    style = f"<style>{stylesheet()}{FRAME}</style>"
    return f'<!doctype html>{style}<main class="markdown-body">{text}</main>'


def draw(chrome: Chrome, html: str) -> bytes:
    """The page as a PNG, cropped, in as many colours as a small file has."""
    with NamedTemporaryFile("w", suffix=".html") as file:
        file.write(html)
        file.flush()
        chrome.get(f"file://{file.name}")
        main = chrome.find_element(By.TAG_NAME, "main")
        chrome.set_window_size(640, main.size["height"] + 300)
        picture = Image.open(io.BytesIO(main.screenshot_as_png)).convert("RGB")
    small = io.BytesIO()
    picture.quantize(64, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


@contextlib.contextmanager
def browser(theme: str) -> Iterator[Chrome]:
    """A headless Chromium that prefers this colour scheme, for dense screens."""
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
        feature = {"name": "prefers-color-scheme", "value": theme}
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
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
            member = files.extractfile("package/github-markdown.css")
            assert member is not None
            return member.read().decode()


if __name__ == "__main__":
    main()
