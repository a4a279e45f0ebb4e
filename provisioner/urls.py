"""Origins: which addresses a secret may be sent to.

Pure. Stricter than URL parsers are: what they let pass and a resolver or a socket then chokes on
is no address here.
"""

import ipaddress
import re
from functools import lru_cache
from urllib.parse import urljoin

import httpx

from provisioner.report import InputError, plain

HOST = re.compile(r"([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
LONGEST_HOST = 253
NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
"""A host with a number for its last label: an IPv4 address, or none at all (WHATWG URL, "ends in a
number"). `127.1` and `0x7f000001` are ones to a resolver, and lead to this very machine."""
PORTS = {"http": 80, "https": 443}


@lru_cache
def origin_of(url: str) -> str:
    """Scheme, host and port of a URL (RFC 6454), "" where it is no http URL with a sound host.

    Hosts come in lower case and IDNA-encoded, the scheme's own port is left out. A URL with a user
    name or password has no origin here: nothing honest needs one.
    """
    try:
        parsed = httpx.URL(url)
        _ = parsed.host  # decodes IDNA, and raises where that can't be done
    except (httpx.InvalidURL, ValueError):
        return ""
    host, port = parsed.raw_host.decode(), parsed.port
    if parsed.scheme not in PORTS or parsed.userinfo or not _is_host(host):
        return ""
    if (port or 0) > 65535:
        return ""
    bracketed = f"[{host}]" if ":" in host else host
    suffix = "" if port in {None, PORTS[parsed.scheme]} else f":{port}"
    return f"{parsed.scheme}://{bracketed}{suffix}"


def host_of(origin: str) -> str:
    """Host and port of an origin, for people and for handles."""
    return origin.partition("://")[2]


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine: `localhost` or a loopback address, with any port.

    Names below localhost are not: a resolver may lead them anywhere.
    """
    name = httpx.URL(f"http://{host}").host
    if name == "localhost":
        return True
    try:
        return _address(name).is_loopback
    except ValueError:
        return False


def require_secure(url: str) -> str:
    """The URL's origin. Raises InputError unless it is https, or http to this very machine."""
    origin = origin_of(url)
    if origin.startswith("https://") or is_loopback(host_of(origin)):
        return origin
    raise InputError(
        "insecure-address",
        f"“{shown(url)}” is not an address that a token may be sent to.",
        why="Only https:// keeps a token from being read on its way; http:// is accepted for this "
        "very machine alone (localhost, 127.0.0.1).",
        next=("Give the address with https:// and without a user name in it.",),
    )


def github_host(api_url: str) -> str:
    """The host of the pages and repositories of the GitHub whose API this is.

    A stand-in for the API on this machine has github.com's.
    """
    if is_loopback(host_of(origin_of(api_url))):
        return "github.com"
    url = httpx.URL(api_url)
    host = url.raw_host.decode()
    # api.github.com and api.SUBDOMAIN.ghe.com; an Enterprise Server has its API below a path.
    return host if url.path.strip("/") else host.removeprefix("api.")


def is_github_enterprise(api_url: str) -> bool:
    """Whether it is an Enterprise Server's API: gh keeps the tokens for these apart."""
    host = github_host(api_url)
    return host != "github.com" and not host.endswith(".ghe.com")


def joined(url: str, location: str) -> str:
    """Where a redirect leads, "" where that is no address."""
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def shown(url: str) -> str:
    """A URL fit to print: without the password that may stand before an @, and cut to length."""
    return plain(re.sub(r"//[^/]*@", "//", url))


def _is_host(text: str) -> bool:
    try:
        # To connect to 0.0.0.0 or :: leads to this very machine, and no server has that address.
        return not _address(text).is_unspecified
    except ValueError:
        sound = HOST.fullmatch(text) and not NUMBER.fullmatch(text)
        return len(text) <= LONGEST_HOST and bool(sound)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IP address; of ::ffff:127.0.0.1 the IPv4 address that it leads to. Raises ValueError."""
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
