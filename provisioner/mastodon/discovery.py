"""From an account's name to its instance: where its endpoints are, and what it tells about itself.

WebFinger (RFC 7033) finds the server where its web domain differs from the account's domain;
authorization server metadata (RFC 8414; Mastodon 4.3 and newer) names the endpoints; older and
other servers have them at Mastodon's usual paths. The instance's API tells its version, or NodeInfo
(https://nodeinfo.diaspora.software/protocol) where that is a number alone.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from provisioner.answer import IDEMPOTENT, IF_UNSENT, Answer, RetryPolicy, retry_delay
from provisioner.errors import InputError, ProvisionerError, TransportError
from provisioner.gather import Gather
from provisioner.http import Http
from provisioner.mastodon.errors import blocked, not_mastodon, unwell
from provisioner.mastodon.instance import WORD, Instance
from provisioner.mastodon.profiles import MAX_NAME, parse_version
from provisioner.mastodon.scopes import InstanceInfo
from provisioner.parsing import Handle, parse_account
from provisioner.report import Set
from provisioner.urls import host_of, is_loopback, joined, origin_of, require_secure

METADATA = "/.well-known/oauth-authorization-server"
ABOUT = ("/api/v1/instance", "/api/v2/instance")
"""v1 is old and everywhere; Takahē's v2 fails without an admin."""
SCHEMA = re.compile(r"http://nodeinfo\.diaspora\.software/ns/schema/2\.[0-9]")
ACTIVITYPUB = ("application/activity+json", "application/ld+json")
"""Media types of a link to an actor (https://www.w3.org/TR/activitypub/#retrieving-objects)."""
MAX_REDIRECTS = 3
MAX_URL = 2000
"""Characters of an endpoint; the link that is made of it must fit into an address bar."""
MAX_WORDS = 200
"""Of the lists in the metadata; Mastodon knows some 50 scopes."""

Outcome = Answer | ProvisionerError


@dataclass(frozen=True)
class Found:
    """An instance, and how it was found."""

    info: InstanceInfo
    how: str
    is_confirmed: bool = True
    """Whether it was named, or WebFinger knows the account; else the spelling may be wrong."""
    subject: Handle | None = None
    """What WebFinger calls the account, where that is another name than was asked for."""


@dataclass(frozen=True)
class Finger:
    """What WebFinger says about an account."""

    origin: str = ""
    """The server that hosts it; "" where its domain does not know it."""
    subject: Handle | None = None


def find(http: Http, account: Handle | None, instance: str, gather: Gather) -> Found:
    """The account's instance, or the one that is named by its origin.

    WebFinger is asked at the account's domain. Most often that is the instance itself, so it is
    asked in the same batch what it is; these answers count only if it turns out to be the instance.
    Raises InputError where it is no such server, or names addresses that can't be trusted;
    TransportError where it does not answer.
    """
    if instance or account is None:
        require_secure(instance)
        return Found(_describe(http, instance, _ask_both(http, instance, gather)), "named")
    home = account.home
    guess = partial(_ask_both, http, home, gather, IF_UNSENT)
    finger, answers = gather((partial(_webfinger, http, account), guess))
    assert isinstance(finger, Finger)  # noqa: S101 - the first of the two
    assert isinstance(answers, list)  # noqa: S101 - the second
    origin = finger.origin or home
    if origin != home or not all(map(_is_final, answers)):
        answers = _ask_both(http, origin, gather)
    return Found(
        _describe(http, origin, answers),
        "found by WebFinger (RFC 7033)"
        if finger.origin
        else f"the account's domain, which does not know {account}",
        is_confirmed=bool(finger.origin),
        subject=finger.subject,
    )


def _ask_both(
    http: Http, origin: str, gather: Gather, retry: RetryPolicy = IDEMPOTENT
) -> list[Outcome]:
    """The metadata of an origin, and what its API tells about it; an error counts as an answer."""

    def ask(path: str) -> Outcome:
        try:
            return http.send("GET", origin + path, retry=retry)
        except ProvisionerError as error:
            return error

    return gather([partial(ask, path) for path in (METADATA, ABOUT[0])])


def _is_final(outcome: Outcome) -> bool:
    """Whether the same request would get the same answer."""
    return isinstance(outcome, Answer) and retry_delay(outcome) is None


def _webfinger(http: Http, account: Handle) -> Finger:
    """Ask the account's domain. Raises InputError where it points to what can't be trusted."""
    local = is_loopback(account.domain)
    url = f"{account.home}/.well-known/webfinger"
    params: dict[str, str] | None = {"resource": f"acct:{account}"}
    accept = {"Accept": "application/jrd+json, application/json"}
    for _ in range(MAX_REDIRECTS + 1):
        answer = http.send("GET", url, params=params, headers=accept, retry=IDEMPOTENT)
        if not answer.redirect:
            break
        # A domain delegates WebFinger by redirect; nothing secret is in the request.
        url, params = joined(url, answer.headers.get("location", "")), None
        _require_no_downgrade(answer, url, account, local=local)
    if retry_delay(answer) is not None:
        raise unwell(account.domain, answer)
    for link in _links(answer):
        if link.get("rel") == "self" and str(link.get("type")).startswith(ACTIVITYPUB):
            href = str(link.get("href") or "")
            if origin := origin_of(href):
                _require_no_downgrade(answer, href, account, local=local)
                return Finger(origin, _subject(answer, account))
    return Finger()


def _links(answer: Answer) -> list[dict[str, object]]:
    links = answer.fields().get("links") if answer.ok else None
    return [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []


def _subject(answer: Answer, account: Handle) -> Handle | None:
    with suppress(InputError):
        subject = parse_account(answer.text("subject").removeprefix("acct:"))
        return subject if str(subject).casefold() != str(account).casefold() else None
    return None


def _require_no_downgrade(answer: Answer, url: str, account: Handle, *, local: bool) -> None:
    """A public domain may lead to https servers only, never to this machine."""
    origin = origin_of(url)
    name = host_of(origin).partition(":")[0]
    here = is_loopback(host_of(origin)) or name.endswith(".localhost") if origin else False
    if origin and (local or (origin.startswith("https://") and not here)):
        return
    raise InputError(
        "bad-webfinger",
        f"{account.domain} says that its accounts are at “{answer.shown_url(url)}”.",
        why="That is not a public https address, so it can't be trusted with a token.",
        next=("Check the account's domain, or name its server.", Set("instance")),
    )


def _describe(http: Http, origin: str, answers: list[Outcome]) -> InstanceInfo:
    """The instance at an origin, by its metadata and what its API tells."""
    metadata, about = answers
    if isinstance(metadata, ProvisionerError):
        raise metadata
    # Some servers answer 200 with their HTML front end here, older ones 404.
    fields = metadata.fields() if metadata.ok else {}
    if not fields.get("token_endpoint"):
        fields = {}
    endpoints = _endpoints(origin, metadata, fields)
    try:
        version = _version(http, origin, about)
    except TransportError:
        if not fields:
            raise
        version = ""
    if not (fields or version) and metadata.refused and metadata.status != 404:
        raise blocked(host_of(origin), metadata)
    software, number = parse_version(version)
    if not software:
        software, number = _node_info(http, origin)
    return InstanceInfo(
        Instance(
            origin=origin,
            **endpoints,
            has_metadata=bool(fields),
            software=software,
            version=number,
        ),
        scopes_supported=_words(fields, "scopes_supported"),
        grant_types_supported=_words(fields, "grant_types_supported"),
        code_challenge_methods_supported=_words(fields, "code_challenge_methods_supported"),
    )


def _endpoints(origin: str, metadata: Answer, fields: dict[str, object]) -> dict[str, str]:
    """What the metadata names, all of the origin itself; without metadata, Mastodon's usual paths.

    Raises InputError for an address of another origin.
    """
    usual = {
        "authorization_endpoint": f"{origin}/oauth/authorize",
        "token_endpoint": f"{origin}/oauth/token",
        "registration_endpoint": f"{origin}/api/v1/apps",
        "revocation_endpoint": f"{origin}/oauth/revoke",
    }
    if not fields:
        return usual
    # Mastodon's own name for it, since its registration is not that of RFC 7591.
    fields = fields | {"registration_endpoint": fields.get("app_registration_endpoint")}
    named = {name: str(fields.get(name) or "") for name in usual}
    for url in filter(None, (str(fields.get("issuer") or ""), *named.values())):
        if origin_of(url) != origin or len(url) > MAX_URL:
            raise InputError(
                "foreign-metadata",
                f"{origin} describes itself with the address of another server: "
                f"“{metadata.shown_url(url)}”.",
                why="Whoever controls that address would get the code and the client secret. It "
                "happens when the instance moved, or is set up wrongly behind a proxy.",
                next=("Name the instance by its own address, or tell its admin.", Set("instance")),
            )
    for name in ("authorization_endpoint", "registration_endpoint"):
        named[name] = named[name] or usual[name]
    return named


def _words(metadata: dict[str, object], name: str) -> tuple[str, ...]:
    """A list of the metadata; empty where it is missing or of another kind."""
    value = metadata.get(name)
    words = value if isinstance(value, list) else []
    return tuple(w for w in words[:MAX_WORDS] if isinstance(w, str) and WORD.fullmatch(w))


def _version(http: Http, origin: str, about: Outcome) -> str:
    """The version as the instance's API tells it; "" from an instance that is closed to strangers.

    Raises unless the server describes itself as Mastodon and its relatives do.
    """
    answers: list[Answer] = []
    for path in ABOUT:
        answer = http.send("GET", origin + path, retry=IDEMPOTENT) if answers else about
        if isinstance(answer, ProvisionerError):
            raise answer
        fields = answer.fields()
        closed = answer.status in {401, 403} and "error" in fields  # limited federation mode
        if closed or (answer.ok and isinstance(fields.get("version"), str)):
            return answer.shown(answer.text("version"))
        answers.append(answer)
    for answer in answers:
        if retry_delay(answer) is not None:
            raise unwell(host_of(origin), answer)
        if answer.is_page and (answer.ok or answer.status in {401, 403}):
            raise blocked(host_of(origin), answer)
    raise not_mastodon(host_of(origin), answers[-1], " ".join(_node_info(http, origin)).strip())


def _node_info(http: Http, origin: str) -> tuple[str, str]:
    """Software and version as NodeInfo has them, for a server that does not name itself."""
    with suppress(ProvisionerError):
        known = http.send("GET", f"{origin}/.well-known/nodeinfo", retry=IF_UNSENT)
        for link in _links(known):
            url = str(link.get("href") or "")
            if SCHEMA.fullmatch(str(link.get("rel"))) and origin_of(url) == origin:
                answer = http.send("GET", url, retry=IF_UNSENT)
                software = answer.fields().get("software")
                told = software if isinstance(software, dict) else {}
                named = (answer.shown(str(told.get(key) or "")) for key in ("name", "version"))
                name, version = ("".join(text.split())[:MAX_NAME] for text in named)
                return name, version
    return "", ""
