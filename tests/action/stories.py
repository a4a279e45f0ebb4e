"""Stories of one bot, and what their runs say to the runner, as texts that are kept.

A text has the lines of a run's log as they came, masks and all, among them the requests that
changed something on a server; then the exit code, the outputs and the summary. The texts are in
protocol/.

    python -m tests.action.stories          writes them anew
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGINT
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx

from tests.action.step import ACTION, RERUN, TOKEN, Ended, Workflow, by, served
from tests.support.site import REPOSITORY
from tests.support.told import TIME

FOLDER = Path(__file__).with_name("protocol")
GIVEN = "given: "
"""Before what the run got that is secret."""
ENDED = "exit code: "


# The stories: each gives the runs that are kept, by name.


def rotation(site: Workflow) -> dict[str, Ended]:
    """Two dispatches and one approval store a token, a weekly run finds it healthy, and the same
    again replaces it.
    """
    begin = site.run()
    complete = site.run(inputs={"code": site.approve(begin.outputs["authorize-url"])})
    check = site.run("schedule")
    rotate = site.run(inputs={"code": "", "rotate": "true"})
    rotated = site.run(inputs={"code": site.approve(rotate.outputs["authorize-url"])})
    return {
        "begin": begin,
        "complete": complete,
        "check": check,
        "rotate": rotate,
        "complete-rotation": rotated,
    }


def wrong_code(site: Workflow) -> dict[str, Ended]:
    """The code is none that the instance gave."""
    site.run()
    site.codes.append("NotTheCodeThatTheInstanceHasShown0123456789")
    return {"wrong-code": site.run(inputs={"code": site.codes[-1]})}


def wrong_account(site: Workflow) -> dict[str, Ended]:
    """Somebody else approves."""
    return {"wrong-account": site.run(inputs={"code": site.begin("alice")})}


def revoked(site: Workflow) -> dict[str, Ended]:
    """The bot's owner has revoked its token."""
    site.provision()
    site.instance.revoke_access("mybot")
    return {"revoked": site.run("schedule")}


def refusals(site: Workflow) -> dict[str, Ended]:
    """What is refused before anything begins."""
    wrong_event = site.run("push")
    no_token = site.run(given={"github-token": ""})
    nothing_yet = site.run("schedule")
    return {
        "wrong-event": wrong_event,
        "no-github-token": no_token,
        "check-before-begin": nothing_yet,
    }


def own_token(site: Workflow) -> dict[str, Ended]:
    """The token is the workflow's own, which can never write secrets."""
    site.token = site.github.add_token(kind="actions")
    return {"own-token": site.run()}


def forbidden(site: Workflow) -> dict[str, Ended]:
    """The token may not write secrets."""
    site.token = site.github.add_token({"actions_variables": "write", "metadata": "read"})
    return {"forbidden": site.run()}


def code_under_with(site: Workflow) -> dict[str, Ended]:
    """The workflow passes the code on under `with:`, where the runner prints it."""
    code = {"code": site.begin()}
    return {"code-under-with": site.run(inputs=code, given=code)}


def own_application(site: Workflow) -> dict[str, Ended]:
    """The application was made by hand."""
    form = {"client_name": "by hand", "redirect_uris": "urn:ietf:wg:oauth:2.0:oob"}
    form["scopes"] = "profile write:statuses write:media"
    url = f"{site.instance.origin}/api/v1/apps"
    made = httpx.post(url, data=form, trust_env=False).json()
    given = {"client-id": made["client_id"], "client-secret": made["client_secret"]}
    begin = site.run(given=given)
    code = site.approve(begin.outputs["authorize-url"])
    return {
        "own-application-begin": begin,
        "own-application-complete": site.run(inputs={"code": code}, given=given),
    }


def cancelled(site: Workflow) -> dict[str, Ended]:
    """The run is cancelled while it writes the secret. Only a process can be."""

    def cancel() -> None:
        assert site.process is not None
        site.process.send_signal(SIGINT)

    start = site.start(inputs={"code": site.begin()})
    with site.cutting(f"PUT /repos/{REPOSITORY}/actions/secrets/{TOKEN}", cancel):
        return {"cancelled": site.launch(start, by(*ACTION))}


def reruns(site: Workflow) -> dict[str, Ended]:
    """Somebody presses *Re-run*, which brings the secrets and inputs of the first attempt."""
    code = site.begin()
    begin = site.run(given={"journal-key": ""}, variables=RERUN)
    site.run(inputs={"code": code})
    complete = site.run(inputs={"code": code}, variables=RERUN)
    return {"rerun-begin": begin, "rerun-complete": complete}


STORIES: tuple[Callable[[Workflow], Mapping[str, Ended]], ...] = (
    *(rotation, wrong_code, wrong_account, revoked, refusals, own_token, forbidden),
    *(code_under_with, own_application, cancelled, reruns),
)


def texts() -> dict[str, str]:
    """Play all the stories, each at a site of its own where the action makes the key: the texts."""
    made: dict[str, str] = {}
    for story in STORIES:
        with TemporaryDirectory() as folder, served(Path(folder), key="") as site:
            runs = story(site)
            made |= {name: text(site, ended) for name, ended in runs.items()}
    return made


def kept() -> dict[str, str]:
    return {path.stem: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.txt"))}


# A text.


def text(site: Workflow, ended: Ended) -> str:
    """What a run said and wrote, with names in place of what is another one each time."""
    assert ended.said == ""
    lines = [
        f"event: {ended.start.event}",
        GIVEN + ", ".join(ended.start.secrets),
        "",
        *ended.lines_and_writes,
        "",
        f"{ENDED}{ended.code}",
        *(f"output {name}: {value}" for name, value in ended.outputs.items()),
        *(("", ended.summary.rstrip()) if ended.summary else ()),
    ]
    text = "\n".join(lines) + "\n"
    names = _names(site)
    for value in sorted(names, key=len, reverse=True):
        text = text.replace(value, names[value])
    text = re.sub(r"\b(client_id|code_challenge)=[\w-]+", r"\1=<\1>", text)
    return TIME.sub("<time>", text)


def _names(site: Workflow) -> dict[str, str]:
    said = "\n".join(run.log for run in site.runs)
    names = {}
    for kind, values in site.secrets().items():
        # Where there are several, they are numbered in the order in which they come up.
        known = sorted((value for value in set(values) if value in said), key=said.find)
        for number, value in enumerate(known, 1):
            names[value] = f"<{kind} {number}>" if len(known) > 1 else f"<{kind}>"
    api = urlsplit(site.github.api_url).netloc
    instance = urlsplit(site.instance.origin).netloc
    for host, name in ((instance, "social.example"), (api, "api.github.example")):
        names |= {host: name, host.replace(":", "%3A"): name}
        names[host.replace(".", r"\.", 1)] = name  # at the beginning of a line
    return names


def main() -> None:
    for path in FOLDER.glob("*.txt"):
        path.unlink()
    for name, made in texts().items():
        (FOLDER / f"{name}.txt").write_text(made, "utf-8")


if __name__ == "__main__":
    main()
