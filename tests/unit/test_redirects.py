"""Renamed repositories are followed, within GitHub's API alone."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from provisioner.errors import ProvisionerError
from provisioner.github.client import GitHub, Repository
from provisioner.http import Http
from provisioner.report import Exit
from provisioner.secret import Secret
from tests.support.told import fails, said
from tests.unit.github_server import NAME, Octo, RawServer, open_repository, reply

RENAMED = "elsewhere/robot"


@pytest.fixture
def octo() -> Iterator[Octo]:
    """An embedded GitHub, to which nothing is sent that GitHub's description does not know."""
    with Octo() as octo:
        yield octo
    assert octo.checked.violations == []


@pytest.fixture
def stranger() -> Iterator[RawServer]:
    """Somebody else's server on this machine, which would say yes to everything."""
    with RawServer(lambda _seen: reply(200, {"id": 1, "full_name": "a/b"})) as server:
        yield server


def test_opened_by_a_former_name(octo: Octo) -> None:
    """A repository that is asked for by its former name is opened under its present one."""
    octo.github.rename(NAME, RENAMED)
    opened = octo.open()
    assert opened.id == octo.stored.id
    assert opened.name == RENAMED


@pytest.mark.parametrize(
    ("use", "method", "status"),
    [
        pytest.param(lambda repository: repository.read_sealing_key(), "GET", 301, id="key"),
        pytest.param(lambda repository: repository.read_secret_names(), "GET", 301, id="list"),
        pytest.param(lambda repository: repository.variable("URL"), "GET", 301, id="read"),
        pytest.param(
            lambda repository: repository.put_secret("TOKEN", Secret("value")), "PUT", 307, id="put"
        ),
        pytest.param(
            lambda repository: repository.write_variable("URL", "value", create=False),
            "PATCH",
            307,
            id="patch",
        ),
        pytest.param(
            lambda repository: repository.write_variable("NEW", "value", create=True),
            "POST",
            307,
            id="post",
        ),
    ],
)
def test_renamed_meanwhile(
    octo: Octo, use: Callable[[Repository], object], method: str, status: int
) -> None:
    """A repository renamed during the run is followed with method, body and authorization."""
    octo.stored.variables["URL"] = "old"
    repository = octo.repository()
    octo.github.rename(NAME, RENAMED)
    statuses: list[int] = []
    octo.github.observers.append(lambda _request, response: statuses.append(response.status))
    use(repository)
    asked, followed = [seen for seen in octo.wire.seen if seen.method == method][-2:]
    assert status in statuses
    assert followed.path.startswith(f"/repositories/{octo.stored.id}/")
    assert followed.body == asked.body
    assert followed.headers["authorization"] == asked.headers["authorization"]


def test_written_after_a_rename(octo: Octo) -> None:
    """What is written to a repository renamed during the run arrives."""
    repository = octo.repository()
    octo.github.rename(NAME, RENAMED)
    repository.put_secret("TOKEN", Secret("plaintext"))
    repository.put_variable("URL", "value", exists=True)
    assert octo.stored.open_secret("TOKEN") == "plaintext"
    assert octo.stored.variables == {"URL": "value"}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("absolute", [True, False])
def test_every_status_keeps_the_method(octo: Octo, status: int, absolute: bool) -> None:  # noqa: FBT001
    """Whichever of the redirects GitHub uses, and however written, a write stays that write."""
    repository = octo.repository()
    repository.read_sealing_key()
    location = ("" if not absolute else octo.wire.origin) + f"/repos/{NAME}/actions/secrets/NEW"
    octo.always(reply(status, {"message": "Moved"}, {"Location": location}), "PUT", "/OLD")
    repository.put_secret("OLD", Secret("plaintext"))
    assert octo.stored.open_secret("NEW") == "plaintext"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "POST"])
def test_another_port(octo: Octo, stranger: RawServer, status: int, method: str) -> None:
    """Another port is another server: it gets no request, and so no token."""
    repository = octo.repository()
    octo.always(reply(status, {}, {"Location": f"{stranger.origin}/steal"}), method)
    # 303 would make a GET of a write: GitHub does not use it, and it is followed nowhere.
    code, exit_code = ("foreign-redirect", Exit.ACTION_REQUIRED)
    if status == 303:
        code, exit_code = ("github-unwell", Exit.FAILED)
    with fails(code, exit_code):
        _everything(repository)
    assert stranger.seen == []


@pytest.mark.parametrize(
    "form",
    [
        "//{host}/steal",
        "http://octo:pass@{host}/steal",
        "http://{home}@{host}/steal",
        "http://localhost:{port}/steal",
        "https://{home}/steal",
        "ftp://{home}/steal",
        "http://{home}.evil.test/steal",
        "https:///steal",
        "javascript:alert(1)",
        "http://[::1",
        "http://{home}:99999/",
        "http://xn--a/",
        "\x80\xff",
    ],
)
def test_another_origin(octo: Octo, stranger: RawServer, form: str) -> None:
    """Another host or scheme, in whatever disguise, gets nothing, and the error is one in words."""
    host, home = (server.origin.removeprefix("http://") for server in (stranger, octo.wire))
    location = form.format(host=host, home=home, port=host.partition(":")[2])
    octo.always(reply(301, {}, {"Location": location}), path=f"/repos/{NAME}")
    with pytest.raises(ProvisionerError):
        octo.open()
    assert stranger.seen == []


def test_foreign_after_a_good_one(octo: Octo, stranger: RawServer) -> None:
    """A redirect within the API that leads out of it in a second step is not followed out."""

    def interfere(seen: object, _real: object) -> bytes:
        last = "repositories" in str(seen)
        location = f"{stranger.origin}/steal" if last else "/repositories/1"
        return reply(301, {}, {"Location": location})

    octo.interfere = interfere
    with fails("foreign-redirect", Exit.ACTION_REQUIRED):
        octo.open()
    assert len(octo.wire.seen) == 2
    assert stranger.seen == []


def test_circle(octo: Octo) -> None:
    """A redirect to itself ends after a few requests, with an error."""
    octo.always(reply(307, {}, {"Location": f"/repos/{NAME}"}))
    with fails("foreign-redirect", Exit.ACTION_REQUIRED):
        octo.open()
    assert len(octo.wire.seen) <= 5


@pytest.mark.parametrize("status", [300, 301, 304, 307])
def test_no_location(octo: Octo, status: int) -> None:
    """A redirect that leads nowhere is an error at once, and is not asked for again and again."""
    octo.always(reply(status, b"" if status == 304 else {}))
    with pytest.raises(ProvisionerError):
        octo.open()
    assert len(octo.wire.seen) == 1


def test_no_secret_in_the_error(octo: Octo) -> None:
    """The error of a redirect that echoes the token in its address does not show the token."""
    token = octo.client.token.reveal()
    octo.always(reply(301, {}, {"Location": f"https://evil.test/?{token}"}))
    with fails("foreign-redirect", Exit.ACTION_REQUIRED) as caught:
        octo.open()
    assert "https://evil.test/" in said(caught.value)
    assert token not in said(caught.value)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "127.0.0.2", "api.localhost", "[0:0:0:0:0:0:0:1]"]
)
def test_proxy(stranger: RawServer, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """What plain http carries over loopback is not shown to a proxy: it holds the token."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, stranger.origin)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Http(sleep=lambda _seconds: None) as http, suppress(ProvisionerError):
        open_repository(GitHub(http, f"http://{host}:1", Secret("x" * 20)))
    assert stranger.seen == []


def _everything(repository: Repository) -> None:
    """Use every method."""
    repository.read_sealing_key()
    repository.put_secret("TOKEN", Secret(json.dumps("plaintext")))
    repository.put_variable("URL", "value", exists=True)
