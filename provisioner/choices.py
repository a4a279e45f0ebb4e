"""What is chosen for an instance, and why, in words: doctor's lines, and those of --verbose. Pure.

What is decided stands in `capabilities.py` and `servers.py`; each line says what the ceremony then
does.
"""

from provisioner.capabilities import Description, excess, missing, sets_of_scopes
from provisioner.oauth import Server
from provisioner.servers import HABITS, in_words


def explain(told: Description, asked: tuple[str, ...]) -> dict[str, str]:
    """What is chosen for an instance, and why, by subject. Raises InputError for unknown scopes."""
    sets = sets_of_scopes(asked, told)
    return {
        "Endpoints": _endpoints(told.server),
        "Scopes": _scopes(told, asked, sets),
        "PKCE": _pkce(told),
        "Code": _code(told.server),
        "Unused application": _unused(told.server),
        "Revocation": _revocation(told),
        "Password": _password(told),
        "Posting": _posting(told.server, sets[0]),
    }


def _endpoints(server: Server) -> str:
    if server.has_metadata:
        return "those of its metadata (RFC 8414), all of its own origin"
    return "the classic paths, since it has no metadata (RFC 8414)"


def _scopes(told: Description, asked: tuple[str, ...], sets: tuple[tuple[str, ...], ...]) -> str:
    first, *others = (_set(scopes, asked) for scopes in sets)
    return f"{first} ({_why(told)})" + "".join(f"; if it refuses them: {text}" for text in others)


def _set(scopes: tuple[str, ...], asked: tuple[str, ...]) -> str:
    more = ", more than was asked for" if excess(scopes, asked) else ""
    return " ".join(scopes) + more


def _why(told: Description) -> str:
    """Why these scopes come first."""
    server = told.server
    if told.scopes_supported:
        return "its metadata lists them"
    if server.habits.scopes:
        return f"{server.software} knows only {' '.join(server.habits.scopes)}"
    if server.habits.verifying_scope == "read":
        return f"{server.software} tells whose a token is only to read"
    if server.software == "Mastodon":
        return "by its version"
    return "it does not tell which it knows"


def _pkce(told: Description) -> str:
    methods = told.code_challenge_methods_supported
    if "S256" in methods:
        return "S256, as its metadata offers"
    if methods:
        return f"S256, though its metadata offers only {' '.join(methods)}"
    return "S256; a server that does not know it ignores it"


def _code(server: Server) -> str:
    return f"to be exchanged within {in_words(server.habits.code_seconds)}{_known_of(server)}"


def _unused(server: Server) -> str:
    seconds = server.habits.unused_seconds
    kept = f"deleted after {in_words(seconds)}" if seconds else "kept"
    return f"{kept}{_known_of(server)}"


def _revocation(told: Description) -> str:
    page = told.server.authorized_applications
    if told.revokes:
        return (
            "with the token's own application; then the token is tried, and if it lives on, a "
            f"person removes the application at {page}"
        )
    by_a_person = f"a person removes the application of an old token at {page}"
    if told.server.has_metadata:
        return f"nothing to call, by its metadata; {by_a_person}"
    tried = f"tried all the same, since a newer {told.server.software} may have it"
    return f"nothing to call{_known_of(told.server)} ({tried}); {by_a_person}"


def _password(told: Description) -> str:
    unknown = told.server.habits.password_grant is None
    if told.grant_types_supported or (unknown and told.server.has_metadata):
        why = ", by its metadata"
    elif unknown:
        return "perhaps taken: that is tried (login)"
    else:
        why = _known_of(told.server)
    if not told.offers_password:
        return f"not taken{why}; a browser is needed (begin)"
    return f"taken (login){why}"


def _posting(server: Server, scopes: tuple[str, ...]) -> str:
    if missing(scopes, ("write:statuses",)):
        return "not with these scopes: that takes write:statuses"
    if not server.habits.text_alone:
        return f"not from here: {server.software} takes no post without a picture"
    if server.habits.idempotency_key:
        return f"the same Idempotency-Key does not post twice{_known_of(server)}"
    reader = server.habits.lists_posts_to
    if reader and missing(scopes, (reader,)):
        return (
            "the journal remembers for an hour what was sent, since Idempotency-Key is ignored and "
            f"{server.software} shows posts only to {reader}"
        )
    return (
        "looked for among the latest posts, before and after, since Idempotency-Key may be "
        "ignored; where those can't be seen, the journal remembers for an hour what was sent"
    )


def _known_of(server: Server) -> str:
    if server.software.casefold() in HABITS:
        return f", as known of {server.software}"
    return ", the least that is known of any"
