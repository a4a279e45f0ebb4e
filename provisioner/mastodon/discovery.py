"""From an account's name to its instance: where its endpoints are, and what it tells about itself.

WebFinger (RFC 7033) finds the server where its web domain differs from the account's domain;
authorization server metadata (RFC 8414; Mastodon 4.3 and newer) names the endpoints; older and
other servers have them at Mastodon's usual paths. The instance's API tells its version, or NodeInfo
(https://nodeinfo.diaspora.software/protocol) where that is a number alone.
"""

import re
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

from msgspec.structs import replace

from provisioner.answer import IDEMPOTENT, IF_UNSENT, Answer, RetryPolicy, retry_delay
from provisioner.http import Gather, Http, both
from provisioner.mastodon.errors import blocked, not_mastodon, unwell
from provisioner.mastodon.instance import MAX_NAME, WITHOUT_API, WORD, Instance, parse_version
from provisioner.mastodon.scopes import InstanceInfo
from provisioner.parsing import Handle, parse_handle
from provisioner.report import InputError, ProvisionerError, Set, TransportError
from provisioner.urls import host_of, is_loopback, joined, origin_of

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


def find(http: Http, account: Handle | None, instance: str, gather: Gather) -> InstanceInfo:
    """The account's instance, or the one that is named by its origin.

    WebFinger is asked at the account's domain. Most often that is the instance itself, so it is
    asked in the same batch what it is; these answers count only if it turns out to be the instance.
    Raises InputError where it is no such server, or names addresses that can't be trusted;
    TransportError where it does not answer.
    """
    if instance or account is None:
        return replace(_describe(http, instance, _ask_both(http, instance, gather)), how="named")
    guess = partial(_ask_both, http, account.home, gather, IF_UNSENT)
    (origin, subject), answers = both(gather, partial(_webfinger, http, account), guess)
    how, is_confirmed = "found by WebFinger (RFC 7033)", bool(origin)
    if not is_confirmed:
        origin, how = account.home, f"the account's domain, which does not know {account}"
    final = all(isinstance(one, Answer) and retry_delay(one) is None for one in answers)
    if origin != account.home or not final:
        answers = _ask_both(http, origin, gather)
    info = _describe(http, origin, answers)
    return replace(info, how=how, is_confirmed=is_confirmed, subject=subject)


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


def _webfinger(http: Http, account: Handle) -> tuple[str, str]:
    """The origin that hosts the account, and another name of it; "" where its domain has neither.

    Raises InputError where the domain points to what can't be trusted.
    """
    url = f"{account.home}/.well-known/webfinger"
    params: dict[str, str] | None = {"resource": f"acct:{account}"}
    accept = {"Accept": "application/jrd+json, application/json"}
    for _ in range(MAX_REDIRECTS + 1):
        answer = http.send("GET", url, params=params, headers=accept, retry=IDEMPOTENT)
        if not answer.redirect:
            break
        # A domain delegates WebFinger by redirect; nothing secret is in the request.
        url, params = joined(url, answer.headers.get("location", "")), None
        _require_no_downgrade(answer, url, account)
    if retry_delay(answer) is not None:
        raise unwell(account.domain, answer)
    for link in _links(answer):
        href = str(link.get("href"))
        is_actor = link.get("rel") == "self" and str(link.get("type")).startswith(ACTIVITYPUB)
        if is_actor and (origin := origin_of(href)):
            _require_no_downgrade(answer, href, account)
            with suppress(InputError):
                subject = str(parse_handle(answer.text("subject").removeprefix("acct:")))
                if subject.casefold() != str(account).casefold():
                    return origin, subject
            return origin, ""
    return "", ""


def _links(answer: Answer) -> list[dict[str, object]]:
    links = answer.fields().get("links") if answer.ok else None
    return [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []


def _require_no_downgrade(answer: Answer, url: str, account: Handle) -> None:
    """A public domain may lead to https servers only, never to this machine."""
    origin = origin_of(url)
    host = host_of(origin)
    here = is_loopback(host) or host.partition(":")[0].endswith(".localhost")
    if (origin.startswith("https://") and not here) or is_loopback(account.domain):
        return
    raise InputError(
        "bad-webfinger",
        f"{account.domain} says that its accounts are at “{answer.shown_url(url)}”.",
        why="That is not a public https address, so it can't be trusted with a token.",
        next=("Check the account's domain, or name its server.", Set("instance")),
    )


def _describe(http: Http, origin: str, answers: list[Outcome]) -> InstanceInfo:
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
    if not version and metadata.status in {401, 403}:
        raise blocked(host_of(origin), metadata)
    software, number = parse_version(version)
    if not software:
        software, number = _node_info(http, origin)
    if software.casefold() in WITHOUT_API:
        raise not_mastodon(host_of(origin), software)
    return InstanceInfo(
        Instance(
            origin=origin,
            **endpoints,
            has_metadata=bool(fields),
            software=software,
            version=number,
        ),
        _words(fields.get("scopes_supported")),
        _words(fields.get("grant_types_supported")),
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


def _words(value: object) -> tuple[str, ...]:
    words = value if isinstance(value, list) else []
    return tuple(w for w in words[:MAX_WORDS] if isinstance(w, str) and WORD.fullmatch(w))


def _version(http: Http, origin: str, about: Outcome) -> str:
    """The version as the instance's API tells it; "" from an instance that is closed to strangers.

    Raises unless the server describes itself as Mastodon and its relatives do.
    """
    if isinstance(about, ProvisionerError):
        raise about
    answers: list[Answer] = []
    for path in ABOUT:
        answer = http.send("GET", origin + path, retry=IDEMPOTENT) if answers else about
        fields = answer.fields()
        closed = answer.status in {401, 403} and "error" in fields  # limited federation mode
        if closed or (answer.ok and isinstance(fields.get("version"), str)):
            return answer.shown(answer.text("version"))
        answers.append(answer)
    for answer in answers:
        if retry_delay(answer) is not None:
            raise unwell(host_of(origin), answer)
    software, _ = _node_info(http, origin)
    for answer in answers:
        # Pages of challenges, and redirects to them: TecharoHQ/anubis#31. AWS WAF sends 202 without
        # a page, or 405 with one; what keeps out a network may send 403 alone.
        leads_to = origin_of(joined(origin, answer.headers.get("location", "")))
        is_page = answer.is_page and answer.status not in {404, 410}
        is_barred = answer.status in {202, 401, 403} or (answer.redirect and leads_to == origin)
        if software.casefold() not in WITHOUT_API and (is_page or is_barred):
            raise blocked(host_of(origin), answer)
    raise not_mastodon(host_of(origin), software, answers[-1])


def _node_info(http: Http, origin: str) -> tuple[str, str]:
    """Software and version as NodeInfo has them, for a server that does not name itself."""
    with suppress(ProvisionerError):
        known = http.send("GET", f"{origin}/.well-known/nodeinfo")
        for link in _links(known):
            url = str(link.get("href"))
            # BookWyrm, for one, names its own address with http.
            same = host_of(origin_of(url)) == host_of(origin)
            if SCHEMA.fullmatch(str(link.get("rel"))) and same:
                answer = http.send("GET", origin + urlsplit(url).path)
                software = answer.fields().get("software")
                told = software if isinstance(software, dict) else {}
                name, version = (
                    answer.shown(text)[:MAX_NAME] if isinstance(text, str) else ""
                    for text in (told.get("name"), told.get("version"))
                )
                return name, version
    return "", ""
