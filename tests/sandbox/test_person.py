"""A person with a browser."""

import pytest

from provisioner.sandbox import Instance, Person, PersonStuckError, Request, Response, serve
from provisioner.sandbox.web import html_response
from tests.sandbox.hands import Fediverse


def test_stays_signed_in(fediverse: Fediverse) -> None:
    """The browser keeps its cookies: the second link asks for no password."""
    seen: list[str] = []
    fediverse.code(fediverse.register())
    fediverse.sandbox.instance.observers.append(lambda request, _: seen.append(request.path))
    fediverse.code(fediverse.register())
    assert "/auth/sign_in" not in seen


def test_reads_the_address_bar(fediverse: Fediverse) -> None:
    """After a redirect to an application, the code is in the address."""
    with serve(lambda _: html_response(200, "<p>Done</p>")) as callback:
        uri = f"{callback.origin}/callback"
        app = fediverse.register(redirect_uris=uri)
        code = fediverse.code(app, redirect_uri=uri)
    assert fediverse.exchange(app, code, redirect_uri=uri).status_code == 200


def test_stuck() -> None:
    """On a page that offers nothing, the person says what it says, and no script or style."""

    def page(_: Request) -> Response:
        return html_response(503, "<style>p{}</style><script>x</script><p>Back soon</p>")

    with (
        serve(page) as server,
        Person("a", "b") as person,
        pytest.raises(PersonStuckError, match=r"^Back soon$"),
    ):
        person.approve(server.origin)


def test_passwords_are_shown() -> None:
    """The sign-in page tells a person who rehearses which accounts there are."""
    instance = Instance()
    instance.add_account("alice", "correct horse")
    page = instance(Request("GET", "/auth/sign_in")).body.decode()
    assert "<code>alice</code></td><td><code>correct horse</code>" in page
