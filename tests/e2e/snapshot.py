"""What a run said to the runner and wrote to the servers, in order, as a text that can be kept.

The texts are in protocol/. `PROTOCOL=write` in the environment of the tests writes them anew.
"""

import base64
import difflib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.e2e.commands import Line
from tests.e2e.runner import Job, Result
from tests.e2e.scene import KEY, Scene

FOLDER = Path(__file__).with_name("protocol")
GIVEN = "given: "
"""Before what the run got that is secret."""
MASK = "::add-mask::"
WRITTEN = "→ "
"""Before a request that changes something on a server; the status of its answer ends the line."""
ENDED = "exit code: "

# As in ISO 8601; what Markdown could take for its own may be escaped.
_MOMENT = r"\d{4}\\?-\d\d\\?-\d\d([T ]\d\d\\?:\d\d(\\?:\d\d)?(Z| UTC)?)?"


def compare(name: str, scene: Scene, result: Result) -> None:
    """Hold a run against the text of that name.

    Done when the story is over: a verifier, for one, is known when it has been used.
    """
    [job] = [runner.job for runner, _ in scene.runs if runner.record is result.record]
    text = _normalized("\n".join(_told(job, result)) + "\n", scene)
    path = FOLDER / f"{name}.txt"
    if os.environ.get("PROTOCOL") == "write":
        path.write_text(text, "utf-8")
    kept = path.read_text("utf-8") if path.exists() else ""
    changes = difflib.unified_diff(kept.splitlines(), text.splitlines(), "kept", "now", lineterm="")
    assert kept == text, "\n".join((f"{path.name} differs; PROTOCOL=write renews it", *changes))


def _told(job: Job, result: Result) -> Iterator[str]:
    secrets = [job.secret(name) for name in sorted(job.workflow.secrets, reverse=True)]
    given = (*secrets, job.event.inputs.get("code", ""))
    yield f"event: {job.event.name}"
    yield GIVEN + ", ".join(filter(None, given))
    yield ""
    yield from map(_line, result.record.lines)
    yield ""
    yield f"{ENDED}{result.code}"
    record = result.record
    files = {"output": record.outputs, "env": record.env, "state": record.state}
    for title, values in files.items():
        yield from (f"{title} {name}: {value}" for name, value in values.items())
    if record.summary:
        yield f"\n{record.summary.rstrip()}"


def _line(line: Line) -> str:
    return {"stdout": "", "elsewhere": WRITTEN}.get(line.stream, "stderr: ") + line.text


def _normalized(text: str, scene: Scene) -> str:
    """The text with names in place of what is another one each time."""
    names = _names(scene)
    for value in sorted(names, key=len, reverse=True):
        text = text.replace(value, names[value])
    text = re.sub(r"\b(client_id|code_challenge)=[\w-]+", r"\1=<\1>", text)
    return re.sub(_MOMENT, "<time>", text)


def _names(scene: Scene) -> dict[str, str]:
    said = "\n".join(line.text for runner, _ in scene.runs for line in runner.record.lines)
    masked = {mask for runner, _ in scene.runs for mask in runner.record.added_masks}
    codes = {runner.job.event.inputs.get("code", "") for runner, _ in scene.runs}
    known = {
        **dict.fromkeys(codes, "code"),
        **{mask: "verifier" for mask in masked if _challenge(mask) in said},
        **scene.instance.secrets(),
        **dict.fromkeys(scene.tokens, "GitHub token"),
        scene.stored(KEY): "journal key",
    }
    names = {}
    for what in set(known.values()):
        # Where there are several, they are numbered in the order in which they come up.
        values = sorted((value for value, kind in known.items() if kind == what), key=said.find)
        several = [value for value in values if value in said][1:]
        for number, value in enumerate(values, 1):
            names[value] = f"<{what} {number}>" if several else f"<{what}>"
    names.pop("", "")
    api = urlsplit(scene.github.api_url).netloc
    for host, name in ((scene.domain, "social.example"), (api, "api.github.example")):
        names |= {host: name, host.replace(":", "%3A"): name}
        names[re.sub("[.:]", r"\\\g<0>", host)] = name.replace(".", r"\.")
        names[host.replace(".", r"\.")] = name.replace(".", r"\.")
    return names


def _challenge(verifier: str) -> str:
    """What a link says of a verifier (RFC 7636, S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
