"""Parsers of what people type. Pure; each raises `InputError` with what to type instead."""

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import parse_qs

from provisioner.github.destinations import is_repository
from provisioner.github.errors import another_forge, form_for_new_tokens
from provisioner.report import ActionRequiredError, InputError, Open, Run, Set, plain
from provisioner.secret import Secret, is_visible
from provisioner.urls import (
    github_host,
    host_of,
    is_github_enterprise,
    is_loopback,
    origin_of,
    require_secure,
    shown,
)

LIMITS = {"grace": (0, 30 * 86400), "max-age": (86400, 10 * 365 * 86400)}
"""Seconds."""
MAX_APP_NAME = 60
"""Characters of an application's name on Mastodon."""
MAX_CODE = 2048
VISIBILITIES = ("public", "unlisted", "private", "direct")
"""Who sees a post: https://docs.joinmastodon.org/entities/Status/#visibility."""
PROFILE = re.compile(
    r"(?:https?://|(?=[^/]*[.:]))([^/\s?#@]+)/"
    r"(?:(?:(?:web|deck)/)?@|users/|profile/|(?=[^/?#]+(?:[?#]|$))(?!(?:about|deck|explore|home|"
    r"login|notifications|public|search|settings|users|web)(?:[?#]|$)))"
    r"([\w.-]+)(?:@([^/\s?#@]+))?(?:[/?#]\S*)?"
)
"""The address of a profile; but for /USER, also of a page below it. Mastodon, GoToSocial and
Misskey show /@USER, older Mastodons /web/@USER, Takahē /@USER@DOMAIN, Pixelfed and snac /USER,
Pleroma /users/USER, Friendica /profile/USER."""
AROUND = " \t\r\n\u00a0<>()\"'`\u201c\u201d,;./"
"""What stands around an account in a text."""


class Handle(NamedTuple):
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

    def is_named(self, user: str, domain: str) -> bool:
        """Whether an instance's name of an account is this one; "" is the instance's own domain."""
        # A loopback address is none that an account bears.
        home = domain.casefold() in {"", self.domain} or is_loopback(self.domain)
        return user.casefold() == self.user.casefold() and home


class Login(NamedTuple):
    """A user name and a password, as the account's owner typed them."""

    user: Secret
    password: Secret


_FORMS = {
    "account": ("bad-account", "an account", "", "mybot@mastodon.social"),
    "instance": (
        "bad-instance",
        "the address of an instance",
        "Only its origin is needed, without a path.",
        "https://social.example",
    ),
    "repository": ("bad-repository", "a repository", "", "octocat/mybot"),
    "app-name": (
        "bad-app-name",
        "a valid name of an application",
        f"An instance takes up to {MAX_APP_NAME} printable characters.",
        "My bot",
    ),
    "grace": (
        "bad-duration",
        "a valid grace period",
        "It is a number with m, h or d, such as 90m, 24h or 7d; or 0. The maximum is 30d.",
        "24h",
    ),
    "max-age": (
        "bad-duration",
        "a valid maximum age",
        "It is a number with h or d, such as 48h or 90d. The minimum is 1d.",
        "90d",
    ),
}
"""For each input: the code of the error about another form, what it is, the rule, an example."""


def _refusal(name: str, text: str, why: str = "") -> InputError:
    """The error for an input that is missing, or not of its form."""
    code, noun, rule, example = _FORMS[name]
    what = f"Not {noun}: “{shown(text)}”." if text else f"No {noun.partition(' ')[2]} was given."
    return InputError(code, what, why=why or rule, next=(Set(name, example),))


def parse_account(text: str) -> Handle:
    """`mybot@mastodon.social`, also with @ or acct: before it; or the address of a profile page.

    Marks that nobody sees, such as Mastodon's around a handle that is copied, are taken out, and so
    is what stands around it in a text. An @ may be full-width, as Japanese keyboards type it.
    """
    # The joiners are invisible as well, but a part of words in some scripts (RFC 5892, appendix A).
    seen = (c for c in text if c in "\u200c\u200d" or unicodedata.category(c) != "Cf")
    given = "".join(seen).replace("\uff20", "@").strip(AROUND)
    if address := PROFILE.fullmatch(given):
        given = f"{address[2]}@{address[3] or address[1]}"
    scheme = re.match("acct:|mailto:", given, re.IGNORECASE)
    return parse_handle(given[scheme.end() if scheme else 0 :].removeprefix("@"))


def parse_handle(text: str) -> Handle:
    """`mybot@mastodon.social`, and no other form."""
    user, at, domain = text.partition("@")
    # The domain as it is sent: in lower case and IDNA-encoded.
    host = "" if re.search(r"[/?#\\\s@]|:$", domain) else host_of(origin_of(f"https://{domain}"))
    if not host or not re.fullmatch(r"[\w.-]{1,255}", user):
        raise _refusal("account", text, "" if at else "An account names its user and its server.")
    return Handle(user, host)


def parse_instance(text: str) -> str:
    """An origin: `https://social.example`, or the bare host name; "" stays empty."""
    if not text:
        return ""
    url = (text if "://" in text else f"https://{text}").removesuffix("/")
    origin = origin_of(url)
    if not origin or re.search(r"[/?#\\]", url.partition("://")[2]):
        raise _refusal("instance", text)
    return origin


def parse_api_url(text: str) -> str:
    """The address of GitHub's API."""
    url = text.rstrip("/") or "https://api.github.com"
    require_secure(url)
    if re.search(r"[?#]", url):
        what = f"GITHUB_API_URL is not the address of an API: “{shown(url)}”."
        step = "Unset it for github.com; on an Enterprise server set it to https://HOST/api/v3."
        raise InputError("bad-api-url", what, next=(step,))
    if url.endswith("/api/v1"):
        raise another_forge(f"GITHUB_API_URL is “{shown(url)}”.")
    return url


def repository_in(url: str, api_url: str) -> str:
    """`owner/name` out of an address at the host whose API this is; "" for another address.

    In any form that git takes, and of any of the repository's pages.
    """
    host = re.escape(github_host(api_url))
    before = rf"(?:[\w+]+://)?(?:[^/@]*@)?(?:ssh\.|www\.)?{host}(?::\d+)?[:/]/?"
    match = re.fullmatch(rf"{before}([^:/\s]+/[^:/\s?#]+)(?:[/?#]\S*)?", url, re.IGNORECASE)
    return match[1].removesuffix(".git") if match else ""


def parse_repository(text: str, api_url: str = "https://api.github.com") -> str:
    """`owner/name`, or an address at the host whose API this is."""
    text = text.removesuffix("/")
    name = repository_in(text, api_url) or text.removesuffix(".git")
    if is_repository(name):
        return name
    is_address = re.search(r"://|@|^[\w.-]+\.\w+[:/].*/", text)
    why = f"It is not the address of a repository at {github_host(api_url)}." if is_address else ""
    raise _refusal("repository", text, why)


def parse_app_name(text: str) -> str:
    """An application's name."""
    if len(text) > MAX_APP_NAME or not text.isprintable():
        raise _refusal("app-name", text)
    return text


def parse_duration(name: str, text: str) -> int:
    """Seconds of `90m`, `24h`, `7d` or `0`, within the limits of the input of that name."""
    match = re.fullmatch(r"(?a:(\d{1,9})\s*([smhd]))|0", text.lower())
    units = {None: 0, "s": 1, "m": 60, "h": 3600, "d": 86400}
    seconds = int(match[1] or 0) * units[match[2]] if match else -1
    lowest, highest = LIMITS[name]
    if not lowest <= seconds <= highest:
        raise _refusal(name, text)
    return seconds


def parse_port(name: str, text: str) -> int:
    """A port's number. The text is not shown: it may be a secret in the wrong place."""
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > 65535:
        raise InputError("usage", f"Invalid value for --{name}.", why="It is a port: 0 to 65535.")
    return int(text)


def parse_visibility(text: str) -> str:
    """Who sees a post; "" stays empty."""
    if text and text not in VISIBILITIES:
        known, steps = f"Known are: {', '.join(VISIBILITIES)}.", (Set("visibility", "public"),)
        raise InputError("usage", "Not a valid visibility.", why=known, next=steps)
    return text


def parse_github_token(token: str, api_url: str, *, in_workflow: bool) -> Secret:
    """A token for GitHub's API."""
    if is_visible(token):
        return Secret(token)
    host = github_host(api_url)
    if token:
        why = "A token is one word that begins with github_pat_, ghs_, gho_ or ghp_."
    elif in_workflow:
        why = "The input is missing, or it names a secret that this repository does not have."
    else:
        name = "GH_ENTERPRISE_TOKEN" if is_github_enterprise(api_url) else "GH_TOKEN"
        why = f"{name} is not set, and gh is not signed in to {host} (gh auth login)."
    make = "make a fine-grained token with read and write access to Secrets and Variables"
    raise InputError(
        "bad-github-token" if token else "no-github-token",
        "Not a GitHub token." if token else "No GitHub token was given.",
        why=why,
        next=(Open(form_for_new_tokens(host), then=make), Set("github-token")),
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
    """The one-time code out of what a person pasted; `link` leads to another one at `origin`.

    Takes the bare code, white space anywhere in it, the address of the page that shows it (which
    must be the instance's), and `code=…&state=…` or `…&state=…`. Servers don't trim, and their
    codes may begin with `-` and have any length, so nothing else is demanded of them.
    """
    again = (Open(link, then="press Authorize"), Run("complete", code=True))

    def refusal(code: str, what: str, why: str) -> InputError:
        return InputError(code, what, why=why, next=again)

    pasted = "".join(text.split()).strip("\"'`<>")
    if "access_denied" in pasted:
        raise ActionRequiredError("denied", "The authorization was denied.", next=again)
    asked = parse_qs(link.partition("?")[2])
    # A browser that can't come back to us ends at the redirect URI all the same.
    origins = {origin, origin_of(asked.get("redirect_uri", [""])[0])} - {""}
    for one in origins:
        if pasted.startswith(f"{host_of(one)}/"):  # some browsers copy addresses so
            pasted = f"{one.partition('://')[0]}://{pasted}"
    is_address = bool(re.match(r"urn:|.*://|[^/?]+/.*[?&]code=", pasted))
    if is_address and not pasted.startswith("urn:") and origin_of(pasted) not in origins:
        host = plain(re.sub(r"^.*?://|[/?#].*", "", pasted).rpartition("@")[2])
        raise refusal(
            "foreign-code",
            f"The pasted address belongs to “{host}”, not to {origin}.",
            "A code is valid only at the instance that issued it, and is sent nowhere else.",
        )
    if is_address or re.match(r"\?|code=|state=|error=", pasted):
        given = parse_qs(pasted.partition("#")[0].rpartition("?")[2])
        if "state" in asked and given.get("state", asked["state"]) != asked["state"]:
            raise refusal(
                "foreign-code",
                "The pasted address comes from another link.",
                "A code is valid only with the link that it came of.",
            )
        pasted = given.get("code", [""])[0]
    code = "".join(pasted.partition("&")[0].split())
    if not code or len(code) > MAX_CODE or not code.isascii() or not code.isprintable():
        raise refusal(
            "bad-code" if code else "no-code",
            "Not a one-time code." if code else "No code was given.",
            "The address has no code. It may be the link itself: press Authorize there. Some "
            "servers show the code on a page with the link's address: copy the code from the page."
            if is_address
            else "After you press Authorize, the instance shows a one-time code. Copy the whole "
            "code, or the address of the page that shows it.",
        )
    return Secret(code)
