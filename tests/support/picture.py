"""Draws the README's picture: what `provisioner demo` prints, as an SVG."""

import os
import re
import subprocess
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

PICTURE = Path(".github/demo.svg")
COLUMNS = 108
# The picture is self-contained: no font is fetched from anywhere.
SELF_CONTAINED = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def main() -> None:
    """Run the demo, and save what it printed."""
    demo = subprocess.run(
        [sys.executable, "-m", "provisioner", "demo"],
        env=os.environ | {"FORCE_COLOR": "1", "TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        check=True,
    )
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, highlight=False)
        console.print(Text.from_ansi(demo.stdout.strip()))
        svg = console.export_svg(
            title="provisioner demo", theme=DIMMED_MONOKAI, code_format=SELF_CONTAINED
        )
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg.replace("Fira Code, monospace", "ui-monospace, Menlo, monospace"))


if __name__ == "__main__":
    main()
