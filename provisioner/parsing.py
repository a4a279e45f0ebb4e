"""Parsers of what people type. Pure; each raises `InputError` with what to type instead."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from provisioner.errors import ActionRequiredError, InputError, plain
from provisioner.github.destinations import is_repository
from provisioner.github.errors import FORM_FOR_NEW_TOKENS
from provisioner.report import Next, Open, Run, Set, first_page
from provisioner.secret import Secret, is_visible
from provisioner.urls import host_of, is_loopback, origin_of, require_secure, shown

MAX_GRACE = 30 * 86400
MIN_AGE, MAX_AGE = 86400, 10 * 365 * 86400
MAX_APP_NAME = 60
"""Characters of an application's name on Mastodon."""
MAX_CODE = 2048
VISIBILITIES = ("public", "unlisted", "private", "direct")
"""Who sees a post: https://docs.joinmastodon.org/entities/Status/#visibility."""


@dataclass(frozen=True)
class Handle:
    """An account as people write it: `user@domain`."""

    user: str
    domain: str

    def __str__(self) -> str:
        return f"{self.user}@{self.domain}"

    @property
    def home(self) -> str:
        """The origin that the domain names by itself; most often the instance."""
        scheme = "http" if is_loopback(self.domain) else "https"
        return origin_of(f"{scheme}://{self.domain}")


@dataclass(frozen=True)
class Login:
    """A user name and a password, as the account's owner typed them."""

    user: Secret
    password: Secret


def parse_account(text: str) -> Handle:
    """`mybot@mastodon.social`, `@mybot@mastodon.social` or the address of a profile page."""
    given = text.strip()
    if match := re.fullmatch(r"https?://([^/\s?#@]+)/@([\w.-]+)/?", given):
        given = f"{match[2]}@{match[1]}"
    user, at, domain = given.removeprefix("@").partition("@")
    # The domain as it is sent: in lower case and IDNA-encoded.
    host = "" if re.search(r"[/?#\\\s@]|:$", domain) else host_of(origin_of(f"https://{domain}"))
    if not at or not host or not re.fullmatch(r"[\w.-]+", user):
        raise InputError(
            "bad-account",
            f"Not an account: “{plain(text)}”." if given else "No account was given.",
            why="" if at or not given else "An account names its user and its server.",
            next=(Set("account", "mybot@mastodon.social"),),
        )
    return Handle(user, host)


def parse_instance(text: str) -> str:
    """An origin: `https://social.example`, or the bare host name; "" stays empty."""
    text = text.strip()
    if not text:
        return ""
    url = (text if "://" in text else f"https://{text}").removesuffix("/")
    origin = origin_of(url)
    if not origin or re.search(r"[/?#\\]", url.partition("://")[2]):
        raise InputError(
            "bad-instance",
            f"Not the address of an instance: “{shown(text)}”.",
            why="Only its origin is needed, without a path.",
            next=(Set("instance", "https://social.example"),),
        )
    return origin


def parse_api_url(text: str) -> str:
    """The address of GitHub's API."""
    url = text.strip().rstrip("/") or "https://api.github.com"
    require_secure(url)
    if re.search(r"[?#]", url):
        raise InputError(
            "bad-api-url",
            f"GITHUB_API_URL is not the address of an API: “{shown(url)}”.",
            next=(
                "Unset it for github.com; on an Enterprise server set it to https://HOST/api/v3.",
            ),
        )
    return url


def github_host(api_url: str) -> str:
    """The host of the repositories that an API serves; a stand-in on this machine has GitHub's."""
    host = host_of(require_secure(api_url)).removeprefix("api.")
    return "github.com" if is_loopback(host) else host


def repository_in(url: str, host: str) -> str:
    """`owner/name` out of a repository's address at this host, in any form that git takes."""
    form = r"(?:\w+://)?(?:[^/@]*@)?(?:ssh\.|www\.)?%s(?::\d+)?[:/]([^:/\s]+/[^:/\s]+?)(?:\.git)?/*"
    match = re.fullmatch(form % re.escape(host), url.strip(), re.IGNORECASE)
    return match[1] if match and is_repository(match[1]) else ""


def parse_repository(text: str, host: str = "github.com") -> str:
    """`owner/name`, or the address of a repository at this host."""
    text = text.strip()
    name = repository_in(text, host) or text.removesuffix(".git")
    if is_repository(name):
        return name
    elsewhere = re.search(r"://|@|^[\w.-]+\.\w+[:/].*/", text)
    raise InputError(
        "bad-repository",
        f"Not a repository: “{shown(text)}”." if text else "No repository was given.",
        why=f"It is not an address of {host}." if elsewhere else "",
        next=(Set("repository", "octocat/mybot"),),
    )


def parse_app_name(text: str) -> str:
    """An application's name: up to 60 characters, shown in public under each post."""
    name = text.strip()
    if len(name) > MAX_APP_NAME or not name.isprintable():
        raise InputError(
            "bad-app-name",
            f"Not a valid application name: “{plain(name)}”.",
            why=f"An instance takes up to {MAX_APP_NAME} printable characters.",
            next=("Choose a shorter name; it is shown in public under each post.",),
        )
    return name


def parse_grace(text: str) -> int:
    """Seconds of `90m`, `24h`, `7d` or `0`; 30 days at the most."""
    seconds = _seconds(text)
    if seconds is None or seconds > MAX_GRACE:
        raise InputError(
            "bad-duration",
            f"Not a valid grace period: “{plain(text)}”.",
            why="It is a number with m, h or d, such as 90m, 24h or 7d; or 0. The maximum is 30d.",
            next=(Set("grace", "24h"),),
        )
    return seconds


def parse_max_age(text: str) -> int:
    """Seconds of a time such as `90d`; a day at least."""
    seconds = _seconds(text)
    if seconds is None or not MIN_AGE <= seconds <= MAX_AGE:
        raise InputError(
            "bad-duration",
            f"Not a valid maximum age: “{plain(text)}”.",
            why="It is a number with h or d, such as 48h or 90d. The minimum is 1d.",
            next=(Set("max-age", "90d"),),
        )
    return seconds


def _seconds(text: str) -> int | None:
    match = re.fullmatch(r"(?a:(\d{1,9})\s*([smhd]))|0", text.strip().lower())
    if not match:
        return None
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return int(match[1]) * unit[match[2]] if match[2] else 0


def parse_visibility(text: str) -> str:
    """Who sees a post; "" stays empty."""
    if text and text not in VISIBILITIES:
        raise InputError(
            "usage",
            "Not a valid visibility.",
            why=f"Known are: {', '.join(VISIBILITIES)}.",
            next=(Set("visibility", VISIBILITIES[0]),),
        )
    return text


def parse_github_token(token: str, *, in_workflow: bool = False) -> Secret:
    """A token for GitHub's API."""
    if is_visible(token):
        return Secret(token)
    missing = "GH_TOKEN is not set, and gh is not signed in (gh auth login)."
    if in_workflow:
        missing = "The input is missing, or it names a secret that this repository does not have."
    # https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
    form = (
        "It has a space, a line break or a character outside ASCII, or is far too long. A token is "
        "one word that begins with github_pat_ (fine-grained), ghs_ (a GitHub App's), gho_ (of gh) "
        "or ghp_ (classic)."
    )
    raise InputError(
        "bad-github-token" if token else "no-github-token",
        "Not a GitHub token." if token else "No GitHub token was given.",
        why=form if token else missing,
        next=(
            "Make a fine-grained token with read and write access to Secrets and Variables.",
            Set("github-token"),
        ),
        link=FORM_FOR_NEW_TOKENS,
    )


def parse_login(user: str, password: str) -> Login:
    """User name and password. Of the password only the line break at its end is taken off."""
    if not user.strip() or not password.rstrip("\r\n"):
        raise InputError(
            "no-login",
            "The user name or the password is missing.",
            why="They are asked for on a terminal. Elsewhere they are two lines of standard input: "
            "the user name, then the password.",
            next=("Give both.",),
        )
    return Login(Secret(user.strip()), Secret(password.rstrip("\r\n")))


def parse_code(text: str, origin: str, link: str) -> Secret:
    """The one-time code out of what a person pasted; `origin` is the instance's.

    `link` is the one that leads to another code.

    Takes the bare code, white space anywhere in it, the address of the page that shows it (which
    must be the instance's), and `code=…&state=…` or `…&state=…`. Servers don't trim, and their
    codes may begin with `-` and have any length, so nothing else is demanded of them.
    """
    again = (Open(link, then="press Authorize"), Run("complete", code=True))
    pasted = "".join(text.split()).strip("\"'`<>")
    if "access_denied" in pasted:
        raise ActionRequiredError(
            "denied",
            "The authorization was denied in the browser.",
            next=again,
            link=link,
        )
    if pasted.startswith(f"{host_of(origin)}/"):  # some browsers copy addresses so
        pasted = f"{origin.partition('://')[0]}://{pasted}"
    if "://" in pasted or pasted.startswith("urn:"):
        pasted = _code_in_address(pasted, origin, again)
    elif re.match(r"\?|code=|state=|error=", pasted):
        pasted = parse_qs(pasted.removeprefix("?")).get("code", [""])[0]
    code = "".join(pasted.partition("&")[0].split())
    if not code or len(code) > MAX_CODE or not code.isascii() or not code.isprintable():
        raise InputError(
            "bad-code" if code else "no-code",
            "Not a one-time code." if code else "No code was given.",
            why="After you press Authorize, the instance shows a one-time code. Copy the whole "
            "code, or the address of the page that shows it.",
            next=again,
            link=link,
        )
    return Secret(code)


def _code_in_address(pasted: str, origin: str, again: Next) -> str:
    try:
        url = urlsplit(pasted)
        code = parse_qs(url.query).get("code", [""])[0]
    except ValueError:
        url, code = urlsplit(""), ""
    if url.scheme != "urn" and origin_of(pasted) != origin:
        host = plain(url.netloc.rpartition("@")[2])
        raise InputError(
            "foreign-code",
            f"The pasted address belongs to “{host}”, not to {origin}.",
            why="A code is valid only at the instance that issued it, and is sent nowhere else.",
            next=again,
            link=first_page(again),
        )
    if not code:
        raise InputError(
            "no-code",
            "The pasted address has no code.",
            why="It may be the link itself. Copy the code from the page that follows Authorize.",
            next=again,
        )
    return code
