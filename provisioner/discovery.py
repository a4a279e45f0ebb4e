"""From an account's name to its instance: where its endpoints are, and what it tells of itself.

WebFinger (RFC 7033) finds the server where its web domain differs from the account's domain;
authorization server metadata (RFC 8414; Mastodon 4.3 and newer) names the endpoints; older and
other servers have them at Mastodon's classic paths. The instance's API tells its version.
"""

from contextlib import suppress

from provisioner.accounts import Handle
from provisioner.addresses import (
    host_of,
    is_loopback,
    joined,
    origin_of,
    require_secure,
)
from provisioner.answer import Answer
from provisioner.capabilities import Description
from provisioner.errors import InputError, TransportError
from provisioner.http import Http
from provisioner.oauth import WORD, Server
from provisioner.servers import parse_version

MAX_REDIRECTS = 3
NOT_FOUND = "the domain; WebFinger knows no such account"
"""How an instance was found that perhaps is none of the account's."""
LONGEST_URL = 2000
"""Characters of an endpoint; the link that is made of it must fit into an address bar."""
MOST_WORDS = 200
"""Of the lists in the metadata; Mastodon knows some 50 scopes."""


def locate(http: Http, account: Handle | None, instance: str) -> tuple[str, str]:
    """The instance's origin, and how it was found; `instance` is one that was named.

    Raises as `find_origin`.
    """
    if instance or account is None:
        return instance, "named"
    if origin := find_origin(http, account):
        return origin, "found by WebFinger (RFC 7033)"
    return home_of(account), NOT_FOUND


def find_origin(http: Http, account: Handle) -> str:
    """The origin that hosts the account, by WebFinger; "" where its domain does not know it.

    Raises InputError where the domain points to what can't be trusted, TransportError where it does
    not answer.
    """
    local = is_loopback(account.domain)
    url = f"{home_of(account)}/.well-known/webfinger"
    params: dict[str, str] | None = {"resource": f"acct:{account}"}
    accept = {"Accept": "application/jrd+json, application/json"}
    for _ in range(MAX_REDIRECTS + 1):
        answer = http.send("GET", url, params=params, headers=accept, repeat=True)
        if not answer.redirect:
            break
        # A domain delegates WebFinger by redirect; nothing secret is in the request.
        url, params = joined(url, answer.headers.get("location", "")), None
        _require_no_downgrade(answer, url, account, local=local)
    if answer.status >= 500 or answer.status == 429:
        raise TransportError(
            "instance-unwell",
            f"{account.domain} is in trouble: it answers WebFinger with {answer.described()}.",
            todo="Run this again when it is well, or name the server with --instance.",
        )
    origin = _self_link(answer)
    if origin:
        _require_no_downgrade(answer, origin, account, local=local)
    return origin


def home_of(account: Handle) -> str:
    """The origin that the account's domain names by itself."""
    scheme = "http" if is_loopback(account.domain) else "https"
    return origin_of(f"{scheme}://{account.domain}")


def describe(http: Http, origin: str) -> Description:
    """The instance at an origin.

    Raises InputError where it is no such server or its metadata points elsewhere, and
    TransportError where it does not answer.
    """
    require_secure(origin)
    answer = http.send("GET", f"{origin}/.well-known/oauth-authorization-server", repeat=True)
    metadata = answer.fields() if answer.ok else {}
    # Some servers answer 200 with their HTML front end here, older ones 404.
    if metadata.get("token_endpoint"):
        endpoints, version = _endpoints(origin, answer), _version_if_told(http, origin)
    else:
        endpoints, version = _classic_endpoints(origin), _version(http, origin)
        if not version and answer.refused and answer.status != 404:
            raise _silent(origin, answer)
        metadata = {}
    software, version = parse_version(version)
    return Description(
        server=Server(
            origin=origin,
            **endpoints,
            has_metadata=bool(metadata),
            software=software,
            version=version,
        ),
        scopes_supported=_words(metadata, "scopes_supported"),
        grant_types_supported=_words(metadata, "grant_types_supported"),
        code_challenge_methods_supported=_words(metadata, "code_challenge_methods_supported"),
    )


def _self_link(answer: Answer) -> str:
    links = answer.fields().get("links") if answer.ok else None
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "self":
            return origin_of(str(link.get("href") or ""))
    return ""


def _require_no_downgrade(answer: Answer, url: str, account: Handle, *, local: bool) -> None:
    """A public domain may lead to https servers only, never to this machine."""
    origin = origin_of(url)
    name = host_of(origin).partition(":")[0]
    here = is_loopback(host_of(origin)) or name.endswith(".localhost") if origin else False
    if origin and (local or (origin.startswith("https://") and not here)):
        return
    raise InputError(
        "bad-webfinger",
        f"{account.domain} says that its accounts live at “{answer.shown_url(url)}”.",
        why="That is not a public https address, so it can't be trusted with a token.",
        todo="Check the account's domain, or name the server yourself with --instance.",
    )


def _classic_endpoints(origin: str) -> dict[str, str]:
    return {
        "authorization_endpoint": f"{origin}/oauth/authorize",
        "token_endpoint": f"{origin}/oauth/token",
        "registration_endpoint": f"{origin}/api/v1/apps",
        "revocation_endpoint": f"{origin}/oauth/revoke",
    }


def _endpoints(origin: str, answer: Answer) -> dict[str, str]:
    metadata = answer.fields()
    names = ("authorization_endpoint", "token_endpoint", "revocation_endpoint")
    # Mastodon's own name for it, since its registration is not that of RFC 7591.
    registration = metadata.get("app_registration_endpoint") or f"{origin}/api/v1/apps"
    urls = {name: str(metadata.get(name) or "") for name in names}
    urls["registration_endpoint"] = str(registration)
    for url in filter(None, (str(metadata.get("issuer") or ""), *urls.values())):
        if origin_of(url) != origin or len(url) > LONGEST_URL:
            raise InputError(
                "foreign-metadata",
                f"{origin} describes itself with the address of another server: "
                f"“{answer.shown_url(url)}”.",
                why="Whoever controls that address would get the code and the client secret. It "
                "happens when the instance moved, or is set up wrongly behind a proxy.",
                todo="Name the instance by its own address with --instance, or tell its admin.",
            )
    urls["authorization_endpoint"] = urls["authorization_endpoint"] or f"{origin}/oauth/authorize"
    return urls


def _silent(origin: str, answer: Answer) -> TransportError:
    return TransportError(
        "instance-silent",
        f"{origin} tells nothing of itself: it answers {answer.described()}.",
        why="It may block data centres or scripts, or be in trouble.",
        todo="Run this again later, or from another network.",
    )


def _words(metadata: dict[str, object], name: str) -> tuple[str, ...]:
    """A list of the metadata; empty where it is missing or of another kind."""
    value = metadata.get(name)
    words = value if isinstance(value, list) else []
    return tuple(w for w in words[:MOST_WORDS] if isinstance(w, str) and WORD.fullmatch(w))


def _version_if_told(http: Http, origin: str) -> str:
    """The version of a server that is known to be one; "" where it does not tell.

    The software's name comes from it, and stays in the journal as long as the token. A server
    without a name can be used, as one of which the least is expected.
    """
    with suppress(TransportError):
        answer = http.send("GET", f"{origin}/api/v1/instance", repeat=True)
        return answer.shown(answer.text("version"))
    return ""


def _version(http: Http, origin: str) -> str:
    """The version as the instance's API tells it; "" from an instance that is closed to strangers.

    Raises unless the server describes itself as Mastodon and its relatives do.
    """
    passing_trouble = None
    for version in ("v1", "v2"):  # v1 is old and everywhere; Takahē's v2 fails without an admin
        answer = http.send("GET", f"{origin}/api/{version}/instance", repeat=True)
        fields = answer.fields()
        closed = answer.status in {401, 403} and "error" in fields  # limited federation mode
        if closed or (answer.ok and isinstance(fields.get("version"), str)):
            return answer.shown(answer.text("version"))
        if answer.status >= 500 or answer.status == 429:
            passing_trouble = answer
    if passing_trouble:
        raise TransportError(
            "instance-unwell",
            f"{origin} is in trouble: it answers {passing_trouble.described()}.",
            todo="Nothing was changed. Run this again when the instance is well.",
        )
    raise InputError(
        "not-mastodon",
        f"{origin} is not a Mastodon-compatible server.",
        why=f"It answers its API address /api/v2/instance with {answer.described()}, and not with "
        "a description of itself.",
        todo="Check the account's domain. Where the server has another address than its accounts, "
        "name it with --instance.",
    )
