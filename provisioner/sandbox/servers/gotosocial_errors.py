"""How GoToSocial refuses: its words, and JSON or a page as the request accepts.

After internal/gtserror/withcode.go and internal/api/util (errorhandling.go, negotiate.go) of
superseriousbusiness/gotosocial at 57cb4fe7.
"""

from collections.abc import Iterable
from html import escape
from http import HTTPStatus

from provisioner.sandbox import pages
from provisioner.sandbox.web import Refused, Request, html_response, json_response

JSON = ("application/json",)
HTML = ("text/html",)
WEBFINGER = ("application/jrd+json", "application/json")
ADVICE = (
    "If you arrived at this error during a sign in/oauth flow, please try clearing your session "
    "cookies and signing in again; if problems persist, make sure you're using the correct "
    "credentials"
)


def refused(request: Request, status: int, *words: str) -> Refused:
    """Return an error of the API: a page for those who prefer one."""
    text = ": ".join((HTTPStatus(status).phrase, *words))
    if _negotiate(request, JSON + HTML) == "text/html":
        page = pages.page("An error occurred", f"<p>{status}: {escape(text)}</p>")
        return Refused(html_response(status, page))
    return Refused(json_response(status, {"error": text}))


def oauth_refused(status: int, error: str, *words: str) -> Refused:
    """Return an error of the OAuth endpoints, which is always JSON."""
    description = ": ".join((HTTPStatus(status).phrase, *words))
    return Refused(json_response(status, {"error": error, "error_description": description}))


def require(request: Request, offers: tuple[str, ...]) -> None:
    """Refuse with 406 who accepts none of the offers."""
    if _negotiate(request, offers) is None:
        accepts = request.headers.get("Accept", "")
        raise refused(
            request,
            406,
            f"no format can be offered for requested Accept header(s) [{accepts}]; this endpoint "
            f"offers [{' '.join(offers)}]",
        )


def _negotiate(request: Request, offers: Iterable[str]) -> str | None:
    """Choose by the order of the Accept header; its `q` is not read."""
    ranges = [one.partition(";")[0].strip() for one in request.headers.get("Accept", "").split(",")]
    ranges = [one for one in ranges if one]
    if not ranges:
        return next(iter(offers))
    for one in ranges:
        for offer in offers:
            if offer.startswith(one.partition("*")[0] if "*" in one else one):
                return offer
    return None
