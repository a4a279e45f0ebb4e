"""The program, as `python -m provisioner` and as the script `provisioner`."""

from typing import NoReturn

from provisioner import signals


def main() -> NoReturn:
    """Run a command. What that takes is imported only when no signal can come in between."""
    signals.hold()
    from provisioner import cli  # noqa: PLC0415

    cli.main()


if __name__ == "__main__":
    main()
