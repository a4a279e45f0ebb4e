"""The standard streams: what can't be written stops nothing."""

import os

from provisioner.streams import unstoppable


def test_full_for_now() -> None:
    """A pipe that nobody has emptied yet is not given up: what comes later arrives."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(writing, "w", buffering=1) as stream, os.fdopen(reading, "rb") as reader:
        for _ in range(3):
            with unstoppable(stream):
                stream.write("x" * 65536 + "\n")
        reader.read1(1 << 20)
        with unstoppable(stream):
            stream.write("the outcome\n")
        assert b"the outcome\n" in reader.read1(1 << 20)


def test_closed() -> None:
    """Nor does a stream stop anything that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as stream:
        for _ in range(2):
            with unstoppable(stream):
                stream.write("x\n")
