"""What GitHub's runner shows as ***: DTLogging/Logging/SecretMasker.cs and ValueEncoders.cs."""

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import quote


class Masks:
    """The values that the log shows as ***, in the encodings that HostContext.cs lists."""

    def __init__(self) -> None:
        """Nothing is masked yet."""
        self._values: set[str] = set()

    def add(self, value: str) -> None:
        """Mask a value: as it is, each of its lines, and all that in every encoding.

        Worker.cs does so with secrets and ActionCommandManager.cs with `add-mask`.
        """
        lines = [line.strip() for line in re.split(r"[\r\n]", value)]
        for text in filter(None, (value, *lines)):
            self._values |= {text, *filter(None, _encodings(text))}

    def apply(self, text: str) -> str:
        """Replace what is masked; what overlaps or touches becomes one ***."""
        shown, written = "", 0
        for start, end in sorted(self._found(text)):
            if start > written or not shown:
                shown += f"{text[written:start]}***"
            written = max(end, written)
        return shown + text[written:]

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        for value in self._values:
            start = text.find(value)
            while start >= 0:
                yield start, start + len(value)
                start = text.find(value, start + 1)


def _encodings(value: str) -> Iterator[str]:
    """Every encoder of ValueEncoders.cs, in the order in which HostContext.cs adds them."""
    raw = value.encode()
    for shift in range(3):
        yield base64.b64encode(raw[shift:] if len(raw) > shift else raw).decode()
    yield value.replace('"', '\\"')
    yield value.replace("'", "''")
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(value, safe="")
    entities = {"<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "&": "&amp;"}
    yield "".join(entities.get(character, character) for character in value)
    if len(value) > 8 and value.startswith('"') and value.endswith('"'):
        yield value[1:-1]
    # PowerShell colours a part of a command in which there is an ampersand.
    before, plus, after = value.partition("&+")
    if plus:
        sections = (before + plus, after[1:])
    else:
        head, ampersand, tail = value.rpartition("&")
        sections = (head + ampersand, tail if ampersand else "")
    yield from (section for section in sections if len(section) >= 6)
