"""From an account's name to the endpoints of its instance.

WebFinger (RFC 7033) finds the server where its web domain differs from the account's domain;
authorization server metadata (RFC 8414; Mastodon 4.3 and newer) names the endpoints; older and
other servers have them at Mastodon's classic paths.
"""

from urllib.parse import urljoin

import httpx
from pydantic import BaseModel

from provisioner.accounts import Handle
from provisioner.errors import InputError, ProvisionerError, TransportError, plain
from provisioner.http import Answer, Http, is_loopback, origin_of, require_secure

MAX_REDIRECTS = 3


class Server(BaseModel, frozen=True):
    """An instance: its origin and its OAuth endpoints, all of one origin."""

    origin: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str
    revocation_endpoint: str
    """"" where the metadata names none."""
    has_metadata: bool
    """Whether the endpoints come from RFC 8414 metadata: on Mastodon, 4.3 or newer."""

    @property
    def authorized_applications(self) -> str:
        """The page where a person removes an application and its tokens, on Mastodon."""
        return f"{self.origin}/oauth/authorized_applications"


def discover(http: Http, account: Handle, instance: str) -> Server:
    """The server of `account`; `instance`, an origin, overrides where it is not empty.

    Raises InputError for a domain that is no such server or whose metadata points elsewhere, and
    TransportError where it does not answer.
    """
    origin = require_secure(instance) if instance else _origin_by_webfinger(http, account)
    answer = http.send("GET", f"{origin}/.well-known/oauth-authorization-server", repeat=True)
    metadata = answer.fields() if answer.ok else {}
    if metadata.get("token_endpoint"):
        return _described(origin, metadata)
    # Some servers answer 200 with their HTML front end here, older ones 404.
    _require_mastodon_api(http, origin)
    return Server(
        origin=origin,
        authorization_endpoint=f"{origin}/oauth/authorize",
        token_endpoint=f"{origin}/oauth/token",
        registration_endpoint=f"{origin}/api/v1/apps",
        revocation_endpoint=f"{origin}/oauth/revoke",
        has_metadata=False,
    )


def _origin_by_webfinger(http: Http, account: Handle) -> str:
    """The origin that hosts the account; its own domain where WebFinger says nothing."""
    local = is_loopback(httpx.URL(f"https://{account.domain}").host)
    home = origin_of(f"http{'' if local else 's'}://{account.domain}")
    url = f"{home}/.well-known/webfinger"
    params: dict[str, str] | None = {"resource": f"acct:{account}"}
    accept = {"Accept": "application/jrd+json, application/json"}
    for _ in range(MAX_REDIRECTS + 1):
        answer = http.send("GET", url, params=params, headers=accept, repeat=True)
        if not answer.redirect:
            break
        # A domain delegates WebFinger by redirect; nothing secret is in the request.
        url, params = urljoin(url, answer.headers.get("location", "")), None
        _require_no_downgrade(url, account, local=local)
    origin = _self_link(answer)
    if origin:
        _require_no_downgrade(origin, account, local=local)
    return origin or home


def _self_link(answer: Answer) -> str:
    links = answer.fields().get("links") if answer.ok else None
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "self":
            return origin_of(str(link.get("href", "")))
    return ""


def _require_no_downgrade(url: str, account: Handle, *, local: bool) -> None:
    """A public domain may lead to https servers only, never to this machine."""
    if not local and (
        not origin_of(url).startswith("https://") or is_loopback(httpx.URL(url).host)
    ):
        raise InputError(
            "bad-webfinger",
            f"{account.domain} says that its accounts live at “{plain(url)}”.",
            why="That is not a public https address, so it can't be trusted with a token.",
            todo="Check the account's domain, or name the server yourself with --instance.",
        )


def _described(origin: str, metadata: dict[str, object]) -> Server:
    names = ("authorization_endpoint", "token_endpoint", "revocation_endpoint")
    # app_registration_endpoint is Mastodon's own name; registration_endpoint that of RFC 8414.
    registration = metadata.get("app_registration_endpoint") or f"{origin}/api/v1/apps"
    urls = {name: str(metadata.get(name) or "") for name in names}
    urls["registration_endpoint"] = str(registration)
    for url in filter(None, (str(metadata.get("issuer", "")), *urls.values())):
        if origin_of(url) != origin:
            raise InputError(
                "foreign-metadata",
                f"{origin} describes itself with the address of another server: “{plain(url)}”.",
                why="Whoever controls that address would get the code and the client secret. It "
                "happens when the instance moved, or is set up wrongly behind a proxy.",
                todo="Name the instance by its own address with --instance, or tell its admin.",
            )
    return Server(
        origin=origin,
        authorization_endpoint=urls["authorization_endpoint"] or f"{origin}/oauth/authorize",
        token_endpoint=urls["token_endpoint"],
        registration_endpoint=urls["registration_endpoint"],
        revocation_endpoint=urls["revocation_endpoint"],
        has_metadata=True,
    )


def _require_mastodon_api(http: Http, origin: str) -> None:
    """Raise unless the server describes itself as Mastodon and its relatives do."""
    for version in ("v1", "v2"):  # v1 is old and everywhere; Takahē's v2 fails without an admin
        answer = http.send("GET", f"{origin}/api/{version}/instance", repeat=True)
        fields = answer.fields()
        closed = answer.status in {401, 403} and "error" in fields  # limited federation mode
        if closed or (answer.ok and isinstance(fields.get("version"), str)):
            return
    if answer.status >= 500 or answer.status == 429:
        raise _unwell(origin, answer)
    raise InputError(
        "not-mastodon",
        f"{origin} is not a Mastodon-compatible server.",
        why=f"It answers its API address /api/v2/instance with {answer.described()}, and not with "
        "a description of itself.",
        todo="Check the account's domain. Where the server has another address than its accounts, "
        "name it with --instance.",
    )


def _unwell(origin: str, answer: Answer) -> ProvisionerError:
    return TransportError(
        "instance-unwell",
        f"{origin} is in trouble: it answers {answer.described()}.",
        todo="Nothing was changed. Run this again when the instance is well.",
    )
