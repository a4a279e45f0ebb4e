"""A person's own machine: how long it waits."""

import os
import sys
import time

import pytest

from provisioner import laptop
from provisioner.terminal import Terminal


def test_link_is_waited_for_ten_minutes_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong paste does not begin them anew."""
    reading, writing = os.pipe()
    monkeypatch.setattr(laptop, "WAIT", 0.2)
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb"):
        monkeypatch.setattr(sys, "stdin", stdin)
        here = laptop.Laptop(Terminal(), ())
        here.open("https://social.example/oauth/authorize")
        assert here.wait("state", "https://social.example") is None
        began = time.monotonic()
        assert here.wait("state", "https://social.example") is None
        assert time.monotonic() - began < laptop.WAIT
