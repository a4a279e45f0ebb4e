"""The program, as `python -m provisioner` and as the script `provisioner`."""

import sys
from typing import NoReturn

from provisioner import process


def main() -> NoReturn:
    """Run a command, or the action, which needs no parser of command lines.

    What that takes is imported only when no signal can come in between.
    """
    process.hold_signals()
    if sys.argv[1:] == ["action"]:
        from provisioner import action  # noqa: PLC0415

        action.main()
    from provisioner import cli  # noqa: PLC0415

    cli.main()


if __name__ == "__main__":
    main()
