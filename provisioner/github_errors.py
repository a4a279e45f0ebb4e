"""What GitHub's refusals mean, and for which of them waiting helps.

https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
"""

import re

from provisioner.answer import Answer, in_minutes, passing, rate_limit_reset, retry_after
from provisioner.errors import (
    InputError,
    PersonNeededError,
    ProvisionerError,
    TransportError,
    plain,
)

FORM_FOR_NEW_TOKENS = (
    "https://github.com/settings/personal-access-tokens/new"
    "?name=mastodon-provisioner&secrets=write&actions_variables=write"
)
SECONDARY_WAIT = 60.0
"""Seconds to wait after a secondary rate limit that names no time, says GitHub."""


def wait_for(answer: Answer) -> float | None:
    """Seconds after which GitHub will take the request again; None where waiting does not help."""
    if not _rate_limited(answer):
        return passing(answer)
    if (seconds := retry_after(answer)) is not None:
        return seconds
    if answer.headers.get("x-ratelimit-remaining") == "0":
        return rate_limit_reset(answer) or SECONDARY_WAIT
    return SECONDARY_WAIT


def _rate_limited(answer: Answer) -> bool:
    """403 and 429 both carry rate limits; 403 also carries real refusals."""
    if answer.status == 429:
        return True
    return answer.status == 403 and (
        "retry-after" in answer.headers
        or answer.headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in answer.text("message").lower()
    )


def explain(answer: Answer, attempt: str) -> ProvisionerError:
    """The error for an answer that refused to `attempt` (a verb phrase: “write the secret X”)."""
    what = f"GitHub did not let us {attempt}: {answer.described()}."
    if _rate_limited(answer):
        seconds = wait_for(answer) or SECONDARY_WAIT
        return ProvisionerError(
            "github-rate-limit",
            what,
            why="The token's rate limit is used up, by this or by other programs.",
            todo=f"Run this again {in_minutes(seconds)}.",
        )
    if error := _single_sign_on(answer, what):
        return error
    if answer.status == 401 and answer.fields():
        return PersonNeededError(
            "github-token-refused",
            what,
            why="The GitHub token is mistyped, expired or revoked.",
            todo="Make a new fine-grained token (this repository only; Secrets and Variables: read "
            "and write) and put it in its place.",
            link=FORM_FOR_NEW_TOKENS,
        )
    if answer.status == 403 and answer.fields():
        return _forbidden(answer, what)
    if answer.status == 404:
        return PersonNeededError(
            "github-not-found",
            what,
            why="GitHub answers so for three reasons that it does not tell apart: there is no such "
            "repository (misspelt, renamed, deleted), the token was not given access to it, or its "
            "owner may not administer secrets there.",
            todo="Check the spelling of owner/name, and under the token's “Repository access” that "
            "this repository is chosen.",
            link="https://github.com/settings/personal-access-tokens",
        )
    if answer.status == 422:
        return InputError(
            "github-invalid",
            what,
            why="A name, a number or a size is beyond GitHub's limits: 100 secrets and 500 "
            "variables a repository, 48 KB a value.",
            todo="Remove what is no longer needed, or choose another name.",
        )
    return TransportError(
        "github-unwell",
        what,
        why="GitHub is in trouble, or this is not GitHub's API.",
        todo="See https://www.githubstatus.com, then run this again.",
    )


def _forbidden(answer: Answer, what: str) -> ProvisionerError:
    message = answer.text("message")
    needed = _permissions(answer)
    if "by integration" in message:
        return PersonNeededError(
            "github-token-cannot",
            what,
            why="This is the workflow's own GITHUB_TOKEN, which can never write secrets whatever "
            "its permissions say, or a GitHub App without the permission." + needed,
            todo="Give a fine-grained personal access token (this repository only; Secrets and "
            "Variables: read and write) or a GitHub App token as github-token.",
            link=FORM_FOR_NEW_TOKENS,
        )
    if "archived" in message:
        return archived(what)
    if "IP allow list" in message:
        return PersonNeededError(
            "github-ip-allow-list",
            what,
            why="The organization admits certain addresses only, and this machine's is not one.",
            todo="Run this from an admitted network, or ask an owner of the organization.",
        )
    return PersonNeededError(
        "github-permission",
        what,
        why="The GitHub token lacks a permission." + needed,
        todo="Edit the token: give it Secrets and Variables, both read and write, for this "
        "repository. In an organization the change may need an owner's approval.",
        link="https://github.com/settings/personal-access-tokens",
    )


def archived(what: str) -> PersonNeededError:
    """The error for a repository that is read-only."""
    return PersonNeededError(
        "archived",
        what,
        why="An archived repository is read-only.",
        todo="Unarchive it in its settings, or name another one.",
    )


def _single_sign_on(answer: Answer, what: str) -> PersonNeededError | None:
    """403 and 404 both may mean that the organization wants the token authorized."""
    sso = re.search(r"url=(https://\S+)", answer.headers.get("x-github-sso", ""))
    if not sso:
        return None
    return PersonNeededError(
        "github-sso",
        what,
        why="The organization demands single sign-on, and the token was not authorized for it.",
        todo="Open the link (good for an hour), authorize the token, and run this again.",
        link=plain(sso[1], 500),
    )


def _permissions(answer: Answer) -> str:
    """What the endpoint accepts (`X-Accepted-GitHub-Permissions`), in words."""
    accepted = answer.headers.get("x-accepted-github-permissions", "")
    if not re.fullmatch(r"[\w=,; -]{1,200}", accepted):
        return ""
    sets = [needed.strip().replace("=", ": ") for needed in accepted.split(";")]
    return f" Needed here: {' or '.join(sets)}."
