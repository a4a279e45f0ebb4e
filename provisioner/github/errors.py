"""What GitHub's refusals mean, and for which of them waiting helps.

https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
"""

import re

from provisioner.answer import Answer, RetryPolicy, rate_limit_reset, retry_after, retry_delay
from provisioner.errors import (
    ActionRequiredError,
    InputError,
    ProvisionerError,
    TransportError,
    plain,
)
from provisioner.report import Next, Open, Run, duration

FORM_FOR_NEW_TOKENS = (
    "https://github.com/settings/personal-access-tokens/new"
    "?name=mastodon-provisioner&secrets=write&actions_variables=write"
)
TOKENS = "https://github.com/settings/personal-access-tokens"
SECONDARY_WAIT = 60.0
"""Seconds to wait after a secondary rate limit that names no time, says GitHub."""
NEW_TOKEN: Next = (
    Open(
        FORM_FOR_NEW_TOKENS,
        "",
        "make a fine-grained token for this repository alone, with Secrets and Variables: read and "
        "write",
    ),
    "Use it in place of the other one.",
)


def wait_for(answer: Answer) -> float | None:
    """Seconds after which GitHub will take the request again; None where waiting does not help."""
    if not _rate_limited(answer):
        return retry_delay(answer)
    if (seconds := retry_after(answer)) is not None:
        return seconds
    if answer.headers.get("x-ratelimit-remaining") == "0":
        return rate_limit_reset(answer) or SECONDARY_WAIT
    return SECONDARY_WAIT


RETRY_IDEMPOTENT = RetryPolicy(lost=True, delay=wait_for)
"""For a request that may be carried out twice."""
RETRY_IF_NOT_DONE = RetryPolicy(delay=wait_for)
"""For a request that must be carried out once at most."""


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
    what = f"GitHub did not {attempt}: {answer.described()}."
    if _rate_limited(answer):
        return ProvisionerError(
            "github-rate-limit",
            what,
            why="The token's rate limit is used up, by this or by other programs.",
            next=(Run("again", when=f"in {duration(wait_for(answer) or SECONDARY_WAIT)}"),),
        )
    if error := _single_sign_on(answer, what):
        return error
    if answer.status == 401 and answer.fields():
        return ActionRequiredError(
            "github-token-refused",
            what,
            why="The GitHub token is mistyped, expired or revoked.",
            next=NEW_TOKEN,
            link=FORM_FOR_NEW_TOKENS,
        )
    if answer.status == 403 and answer.fields():
        return _forbidden(answer, what)
    if answer.status == 404:
        return _not_found(what)
    if answer.status == 422:
        return InputError(
            "github-invalid",
            what,
            why="A name, a number or a size is beyond GitHub's limits: 100 secrets and 500 "
            "variables a repository, 48 KB a value.",
            next=("Remove what is no longer needed, or choose another name.",),
        )
    if answer.refused and answer.fields():
        return ActionRequiredError(
            "github-refused",
            what,
            next=("Read GitHub's message above; its settings decide.", Run("again")),
        )
    return TransportError(
        "github-unwell",
        what,
        why="GitHub is in trouble, or this is not GitHub's API.",
        next=(Open("https://www.githubstatus.com"), Run("again")),
    )


def _not_found(what: str) -> ActionRequiredError:
    """GitHub does not say which of three causes a 404 has."""
    return ActionRequiredError(
        "github-not-found",
        what,
        why="There is no such repository (misspelt, renamed, deleted), the token was not given "
        "access to it, or the token's owner may not administer secrets there. GitHub does not "
        "say which.",
        next=(
            "Check the spelling of owner/name.",
            Open(TOKENS, "", "check that this repository is chosen under Repository access"),
        ),
        link=TOKENS,
    )


def _forbidden(answer: Answer, what: str) -> ProvisionerError:
    message, needed = answer.text("message"), _permissions(answer)
    # The address from GitHub's message says where its own settings are.
    address = re.search(r"https://github\.com/\S+[\w/]", message)
    link = plain(address[0], 500) if address else ""
    if "by integration" in message:
        return ActionRequiredError(
            "github-token-cannot",
            what,
            why="The token is the workflow's own GITHUB_TOKEN, which can never write secrets, or "
            f"that of a GitHub App without the permission.{needed}",
            next=NEW_TOKEN,
            link=FORM_FOR_NEW_TOKENS,
        )
    if "archived" in message:
        return archived(what)
    if "IP allow list" in message:
        return ActionRequiredError(
            "github-ip-allow-list",
            what,
            why="The organization admits certain addresses only, and this machine's is not one.",
            next=("Run this from an admitted network, or ask an owner of the organization.",),
        )
    if re.search(r"lifetime|forbids access via", message):
        return ActionRequiredError(
            "github-token-forbidden",
            what,
            why="The organization forbids this kind of token, or tokens that live so long.",
            next=(
                *((Open(link, "", "see what the organization allows"),) if link else ()),
                *NEW_TOKEN,
            ),
            link=link,
        )
    return ActionRequiredError(
        "github-permission",
        what,
        why=f"The GitHub token lacks a permission.{needed}",
        next=(
            Open(
                link or TOKENS,
                "",
                "give the token Secrets and Variables, both read and write, for this repository",
            ),
            "In an organization the change may need an owner's approval.",
        ),
        link=link or TOKENS,
    )


def archived(what: str) -> ActionRequiredError:
    """The error for a repository that is read-only."""
    return ActionRequiredError(
        "archived",
        what,
        why="An archived repository is read-only.",
        next=("Unarchive it in its settings, or name another one.",),
    )


def _single_sign_on(answer: Answer, what: str) -> ActionRequiredError | None:
    """403 and 404 both may mean that the organization wants the token authorized."""
    sso = re.search(r"url=(https://\S+)", answer.headers.get("x-github-sso", ""))
    if not sso:
        return None
    link = plain(sso[1], 500)
    return ActionRequiredError(
        "github-sso",
        what,
        why="The organization demands single sign-on, and the token was not authorized for it.",
        next=(Open(link, "", "authorize the token; the page is good for an hour"), Run("again")),
        link=link,
    )


def _permissions(answer: Answer) -> str:
    """What the endpoint accepts (`X-Accepted-GitHub-Permissions`), in words."""
    accepted = answer.headers.get("x-accepted-github-permissions", "")
    if not re.fullmatch(r"[\w=,; -]{1,200}", accepted):
        return ""
    sets = [needed.strip().replace("=", ": ") for needed in accepted.split(";")]
    return f" Needed here: {' or '.join(sets)}."
