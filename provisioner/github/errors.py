"""What GitHub's refusals mean.

https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
"""

import re

from msgspec.structs import replace

from provisioner.answer import Answer, github_delay, rate_limited
from provisioner.report import (
    ActionRequiredError,
    InputError,
    Next,
    Open,
    ProvisionerError,
    Run,
    TransportError,
    duration,
    plain,
)

TOKENS = "https://github.com/settings/personal-access-tokens"
FORM_FOR_NEW_TOKENS = (
    f"{TOKENS}/new?name=mastodon-provisioner&secrets=write&actions_variables=write"
)
_NEW_TOKEN: Next = (
    Open(
        FORM_FOR_NEW_TOKENS,
        "",
        "make a fine-grained token for this repository alone, with Secrets and Variables: read and "
        "write",
    ),
    "Use it in place of the other one.",
)
_GRANT: Next = (
    Open(
        TOKENS, "", "give the token Secrets and Variables, both read and write, for this repository"
    ),
    "In an organization the change may need an owner's approval.",
)
_CHOOSE: Next = (
    "Check the spelling of owner/name.",
    Open(TOKENS, "", "check that this repository is chosen under Repository access"),
)
REFUSALS: dict[str, tuple[str, str, Next]] = {
    "401": ("github-token-refused", "The token is mistyped, expired or revoked.", _NEW_TOKEN),
    "403 .*by integration": (
        "github-token-cannot",
        (
            "The token is the workflow's own GITHUB_TOKEN, which can never write secrets, or that "
            "of a GitHub App without the permission."
        ),
        _NEW_TOKEN,
    ),
    "403 .*not accessible": ("github-permission", "The GitHub token lacks a permission.", _GRANT),
    "403 .*archived": (
        "archived",
        "An archived repository is read-only.",
        ("Unarchive it in its settings, or name another one.",),
    ),
    "403 .*IP allow list": (
        "github-ip-allow-list",
        "The organization admits certain addresses only, and this machine's is not one.",
        ("Run this from an admitted network, or ask an owner of the organization.",),
    ),
    "403 .*lifetime": (
        "github-token-forbidden",
        "The organization forbids tokens that live as long as this one.",
        _NEW_TOKEN,
    ),
    r"403 .*forbids .*\(classic\)": (
        "github-token-forbidden",
        "The organization forbids classic personal access tokens.",
        _NEW_TOKEN,
    ),
    "403 .*forbids ": (
        "github-token-forbidden",
        "The organization, or the enterprise that it belongs to, forbids this kind of token.",
        ("Use the token of a GitHub App, or ask an owner of the organization.",),
    ),
    "403 .*OAuth App access restrictions": (
        "github-token-forbidden",
        (
            "The organization has not approved the application that the token was made for, such "
            "as GitHub CLI."
        ),
        ("Ask an owner of the organization to approve it, or use another token:", *_NEW_TOKEN),
    ),
    "403 .*SAML": (
        "github-sso",
        "The organization demands single sign-on, and the token was not authorized for it.",
        (
            Open("https://github.com/settings/tokens", "", "press Configure SSO beside the token"),
            Run("again"),
        ),
    ),
    "403 .*(admin|[Mm]ust have)": (
        "github-permission",
        (
            "The token's owner may not do this in the repository; or a classic token, or that of "
            "gh, lacks the scope repo."
        ),
        ("Give the token that scope, or ask somebody who administers the repository.",),
    ),
    "404": (
        "github-not-found",
        (
            "There is no such repository (misspelt, renamed, deleted), the token was not given "
            "access to it (a classic one needs the scope repo), or the token's owner may not "
            "administer secrets there. GitHub does not say which."
        ),
        _CHOOSE,
    ),
    "422": (
        "github-invalid",
        (
            "A name, a number or a size is beyond GitHub's limits: 100 secrets and 500 variables a "
            "repository, 48 KB a value."
        ),
        ("Remove what is no longer needed, or choose another name.",),
    ),
}
"""By a pattern in the status and GitHub's message: the error's code, the cause, what to do."""


def form_for_new_tokens(host: str) -> str:
    """The page of this GitHub where a person makes a token."""
    return FORM_FOR_NEW_TOKENS.replace("github.com", host, 1)


def explain(answer: Answer, attempt: str, host: str = "github.com") -> ProvisionerError:
    """The error for an answer that refused to `attempt` (a verb phrase: “write the secret X”)."""
    what = f"GitHub did not {attempt}: {answer.described()}."
    if rate_limited(answer):
        why = "The token's rate limit is used up, by this or by other programs."
        steps: Next = (Run("again", when=f"in {duration(github_delay(answer) or 0)}"),)
        return ProvisionerError("github-rate-limit", what, why=why, next=steps)
    # A 404, too, may mean that the organization wants the token authorized.
    if sso := re.search(r"url=(https://\S+)", answer.headers.get("x-github-sso", "")):
        then = "authorize the token; the page is good for an hour"
        steps = (Open(plain(sso[1], 500), "", then), Run("again"))
        return ActionRequiredError("github-sso", what, why=REFUSALS["403 .*SAML"][1], next=steps)
    if answer.text("url").endswith("/api/swagger"):
        return another_forge(what)
    if not answer.refused or answer.is_page:
        why = (
            "A page came in place of GitHub's answer: something on the way refused, or this is not "
            "the address of GitHub's API."
            if answer.refused
            else "GitHub is in trouble, or this is not GitHub's API."
        )
        status = (Open("https://www.githubstatus.com"),) if host == "github.com" else ()
        steps = (*status, "Check GITHUB_API_URL.", Run("again"))
        return TransportError("github-unwell", what, why=why, next=steps)
    return _refusal(answer, what, host)


def _refusal(answer: Answer, what: str, host: str) -> ProvisionerError:
    message = answer.text("message")
    code, why = "github-refused", ""
    steps: Next = ("Read what GitHub says above.", Run("again"))
    for pattern, meaning in REFUSALS.items():
        if re.match(pattern, f"{answer.status} {message}", re.DOTALL):
            code, why, steps = meaning
            break
    accepted = answer.headers.get("x-accepted-github-permissions", "")
    if code in {"github-permission", "github-token-cannot"} and (
        re.fullmatch(r"[\w=,; -]{1,200}", accepted)
    ):
        sets = [needed.strip().replace("=", ": ") for needed in accepted.split(";")]
        why = f"{why} Needed here: {' or '.join(sets)}."
    steps = tuple(
        replace(step, url=step.url.replace("github.com", host, 1))
        if isinstance(step, Open)
        else step
        for step in steps
    )
    # The address from GitHub's message says where its own settings are.
    site = rf"https://(?:(?:[\w-]+\.)*github\.com|{re.escape(host)})/\S*[\w/]"
    if address := re.search(site, message):
        steps = (Open(answer.shown_url(address[0]), "", "see what GitHub says there"), *steps)
    kind = InputError if code == "github-invalid" else ActionRequiredError
    return kind(code, what, why=why, next=steps)


def archived(what: str) -> ActionRequiredError:
    """The error for a repository that is read-only."""
    code, why, steps = REFUSALS["403 .*archived"]
    return ActionRequiredError(code, what, why=why, next=steps)


def another_forge(what: str) -> InputError:
    """The error where the API is Forgejo's or Gitea's, whose runners set GITHUB_API_URL to it."""
    return InputError(
        "bad-api-url",
        what,
        why="This is the API of Forgejo or Gitea. Only GitHub and GitHub Enterprise are supported.",
        next=("Run this for a repository on GitHub, with GITHUB_API_URL unset or GitHub's.",),
    )
