"""How Takahē fails: pages where its code raises, and short JSON where it looks."""

from provisioner.sandbox import pages
from provisioner.sandbox.parameters import Parameters, parameters
from provisioner.sandbox.web import Refused, Request, Response, html_response, json_response


def crashed() -> Refused:
    """Return Django's answer to an exception that nobody caught (templates/500.html)."""
    text = "<p>The server encountered an error trying to process your request.</p>"
    return Refused(html_response(500, pages.page("Internal Server Error", text)))


def not_found() -> Response:
    """Return templates/404.html."""
    return html_response(404, pages.page("Page Not Found", "<p>Sorry about that.</p>"))


def refused(status: int, error: str) -> Refused:
    """Return a refusal in JSON."""
    return Refused(json_response(status, {"error": error}))


def fields(request: Request) -> Parameters:
    """Read a body; one that is said to be JSON and is not makes the server crash."""
    try:
        return parameters(request)
    except Refused:
        raise crashed() from None
