"""What GitHub's refusals become: each row of its table of errors, in words, and what is repeated.

Most refusals are the embedded GitHub's own; those that it doesn't know are written out here.
"""

from collections.abc import Callable, Iterator, Mapping

import pytest

from provisioner.errors import ProvisionerError
from provisioner.github.client import RETRY_IF_NOT_DONE
from provisioner.github.errors import FORM_FOR_NEW_TOKENS
from provisioner.report import Exit, Run
from provisioner.secret import Secret
from tests.support.told import fails, pages, said
from tests.unit.github_server import NOW, Octo, Seen, reply

PAT = "Resource not accessible by personal access token"
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try."
PAGE = b"<!DOCTYPE html><html><body><h1>Whoa there!</h1></body></html>"


@pytest.fixture
def octo() -> Iterator[Octo]:
    """An embedded GitHub, to which nothing is sent that GitHub's description does not know."""
    with Octo() as octo:
        yield octo
    assert octo.checked.violations == []


def write(octo: Octo) -> None:
    """Write a secret."""
    octo.open().put_secret("TOKEN", Secret("plaintext"))


def refusal(octo: Octo) -> ProvisionerError:
    """The error of a secret that could not be written."""
    with pytest.raises(ProvisionerError) as caught:
        write(octo)
    return caught.value


def github_says(message: str, status: int = 403, headers: Mapping[str, str] | None = None) -> bytes:
    """A refusal as GitHub words it."""
    body = {"message": message, "documentation_url": "https://docs.github.com/rest"}
    return reply(status, body | {"status": str(status)}, headers)


def test_wrong_token(octo: Octo) -> None:
    """A wrong token (401) needs a person."""
    octo.token("github_pat_wrong")
    with fails("github-token-refused", Exit.ACTION_REQUIRED):
        write(octo)


def test_wrong_token_is_tried_once(octo: Octo) -> None:
    """A wrong token is not tried twice: after a few, GitHub locks the user out."""
    octo.token("github_pat_wrong")
    refusal(octo)
    assert len(octo.wire.seen) == 1
    assert octo.waits == []


def test_wrong_token_is_not_shown(octo: Octo) -> None:
    """A refusal that quotes the token is shown without it."""
    octo.always(github_says(f"Bad credentials: {octo.client.token.reveal()}", 401))
    assert octo.client.token.reveal() not in said(refusal(octo))


def test_no_token(octo: Octo) -> None:
    """`Requires authentication` (401) is the token's fault too."""
    octo.always(github_says("Requires authentication", 401))
    with fails("github-token-refused", Exit.ACTION_REQUIRED):
        write(octo)


def test_workflow_token(octo: Octo) -> None:
    """A workflow's own GITHUB_TOKEN is recognised, and another token can be made at the link."""
    octo.token(octo.github.add_token(kind="actions"))
    with fails("github-token-cannot", Exit.ACTION_REQUIRED) as caught:
        write(octo)
    assert "GITHUB_TOKEN" in said(caught.value)
    assert caught.value.link == FORM_FOR_NEW_TOKENS


def test_app_without_the_permission(octo: Octo) -> None:
    """A GitHub App without the permission is told which one is missing."""
    octo.token(octo.github.add_token({"secrets": "read"}, kind="app"))
    with fails("github-token-cannot", Exit.ACTION_REQUIRED) as caught:
        write(octo)
    assert "secrets: write" in said(caught.value)


def test_personal_token_without_the_permission(octo: Octo) -> None:
    """A personal token without the permission is told which one is missing."""
    octo.token(octo.github.add_token({"secrets": "read"}))
    with fails("github-permission", Exit.ACTION_REQUIRED) as caught:
        write(octo)
    assert "secrets: write" in said(caught.value)


def test_permission_is_not_asked_for_twice(octo: Octo) -> None:
    """A refusal for want of a permission is final."""
    octo.token(octo.github.add_token({"secrets": "read"}))
    refusal(octo)
    assert [seen.method for seen in octo.wire.seen] == ["GET", "GET", "PUT"]
    assert octo.waits == []


def test_alternative_permissions(octo: Octo) -> None:
    """Sets of permissions of which one is enough are told apart."""
    header = {"X-Accepted-GitHub-Permissions": "secrets=write; environments=write"}
    octo.always(github_says(PAT, headers=header), "PUT")
    told = said(refusal(octo))
    assert "secrets: write" in told
    assert "environments: write" in told


@pytest.mark.parametrize("header", ["\x1b[31m", "secrets=\twrite", "s" * 1000, "<b>", "a=b\u2028"])
def test_garbled_permissions(octo: Octo, header: str) -> None:
    """A header with anything else than permissions in it is left out."""
    octo.always(github_says(PAT), "PUT")
    without = said(refusal(octo))
    name = "X-Accepted-GitHub-Permissions"
    octo.always(github_says(PAT, headers={name: header.encode().decode("latin-1")}), "PUT")
    assert said(refusal(octo)) == without


def test_single_sign_on(octo: Octo) -> None:
    """Where single sign-on is demanded, the link that authorizes the token is shown."""
    octo.github.require_sso("octo")
    with fails("github-sso", Exit.ACTION_REQUIRED) as caught:
        write(octo)
    link = "https://github.com/orgs/octo/sso?authorization_request=sandbox"
    assert caught.value.link == link


def test_single_sign_on_as_404(octo: Octo) -> None:
    """GitHub may hide what single sign-on protects behind a 404: the link is shown all the same."""
    link = "https://github.com/orgs/octo/sso?authorization_request=x"
    octo.always(github_says("Not Found", 404, {"X-GitHub-SSO": f"required; url={link}"}))
    with fails("github-sso", Exit.ACTION_REQUIRED) as caught:
        write(octo)
    assert caught.value.link == link


def test_ip_allow_list(octo: Octo) -> None:
    """An organization that admits certain addresses only is named as the cause."""
    message = (
        "Although you appear to have the correct authorization credentials, the `octo` "
        "organization has an IP allow list enabled, and 192.0.2.1 is not permitted to access it."
    )
    octo.always(github_says(message))
    with fails("github-ip-allow-list", Exit.ACTION_REQUIRED):
        write(octo)


def test_archived_meanwhile(octo: Octo) -> None:
    """A repository archived after it was opened is not taken for a missing permission."""
    repository = octo.repository()
    octo.stored.archived = True
    with fails("archived", Exit.ACTION_REQUIRED):
        repository.put_secret("TOKEN", Secret("plaintext"))


ORGANIZATION = "https://github.com/settings/personal-access-tokens/4711"
LIFETIME = (
    "The 'octo' organization forbids access via a fine-grained personal access tokens if the "
    "token's lifetime is greater than 366 days. Please adjust your token's lifetime at the "
    f"following URL: {ORGANIZATION}"
)
CLASSIC = (
    "`octo` forbids access via a personal access token (classic). Please use a GitHub App, OAuth "
    f"App, or a personal access token with fine-grained permissions. See {ORGANIZATION}."
)


@pytest.mark.parametrize("message", [LIFETIME, CLASSIC], ids=["lifetime", "classic"])
def test_kind_of_token_that_an_organization_forbids(octo: Octo, message: str) -> None:
    """Another token is needed, and the page that GitHub names says which ones are allowed."""
    octo.always(github_says(message))
    with fails("github-token-forbidden", Exit.ACTION_REQUIRED) as caught:
        write(octo)
    assert caught.value.link == ORGANIZATION
    assert pages(caught.value.next) == [ORGANIZATION, FORM_FOR_NEW_TOKENS]


def test_kind_of_token_that_is_forbidden_without_an_address(octo: Octo) -> None:
    octo.always(github_says("`octo` forbids access via a personal access token (classic)."))
    with fails("github-token-forbidden", Exit.ACTION_REQUIRED) as caught:
        write(octo)
    assert pages(caught.value.next) == [FORM_FOR_NEW_TOKENS]


@pytest.mark.parametrize(
    "address", ["https://github.com.evil.test/x", "https://evil.test/", "http://github.com/x"]
)
def test_address_of_another_site_in_a_refusal_is_not_taken(octo: Octo, address: str) -> None:
    octo.always(github_says(f"Resource not accessible by personal access token. See {address}"))
    with fails("github-permission", Exit.ACTION_REQUIRED) as caught:
        write(octo)
    assert caught.value.link == "https://github.com/settings/personal-access-tokens"


def test_not_found(octo: Octo) -> None:
    """A 404 has three meanings that GitHub does not tell apart: name and token are named."""
    with fails("github-not-found", Exit.ACTION_REQUIRED) as caught:
        octo.open("octo/none")
    assert "octo/none" in said(caught.value)
    assert caught.value.link == "https://github.com/settings/personal-access-tokens"


def test_not_this_tokens(octo: Octo) -> None:
    """A private repository that the token was not given is not found."""
    octo.github.add_repository("octo/other")
    octo.token(octo.github.add_token(repositories=["octo/other"]))
    with fails("github-not-found", Exit.ACTION_REQUIRED):
        write(octo)


def test_too_many_secrets(octo: Octo) -> None:
    """A limit of GitHub's (422) is the input's fault, and shown in GitHub's words."""
    for number in range(100):
        octo.stored.set_secret(f"SECRET_{number}", "x")
    with fails("github-invalid", Exit.INPUT) as caught:
        write(octo)
    assert "no more than 100" in said(caught.value)


def test_secondary_limit_with_a_time(octo: Octo) -> None:
    """A secondary limit is waited for as long as it says, and the write is done after that."""
    repository = octo.repository()
    octo.github.secondary_limit(7)
    repository.put_secret("TOKEN", Secret("plaintext"))
    assert octo.waits == [7.0]
    assert octo.stored.open_secret("TOKEN") == "plaintext"


@pytest.mark.parametrize("status", [403, 429])
def test_secondary_limit_without_a_time(octo: Octo, status: int) -> None:
    """A secondary limit that names no time is waited for a minute, as GitHub asks."""
    repository = octo.repository()
    octo.github.secondary_limit(None, status=status)
    repository.put_secret("TOKEN", Secret("plaintext"))
    assert octo.waits == [60.0]


def test_secondary_limit_for_ever(octo: Octo) -> None:
    """A secondary limit that does not end is given up, without a change, and the cause is said."""
    octo.github.secondary_limit(5, times=1000)
    with fails("github-rate-limit", Exit.FAILED):
        write(octo)
    assert octo.waits == [5.0] * 3


def test_secondary_limit_of_a_post(octo: Octo) -> None:
    """A limit refuses before anything is done: a POST that met it is sent again."""
    repository = octo.repository()
    limited: list[Seen] = []

    def interfere(seen: Seen, real: Callable[[], bytes]) -> bytes:
        if seen.method == "POST" and not limited:
            limited.append(seen)
            return github_says(SECONDARY, headers={"Retry-After": "3"})
        return real()

    octo.interfere = interfere
    repository.write_variable("URL", "value", create=True, retry=RETRY_IF_NOT_DONE)
    assert octo.waits == [3.0]
    assert octo.stored.variables == {"URL": "value"}


def test_primary_limit_soon_over(octo: Octo) -> None:
    """A budget that is full again within a minute is waited for."""
    limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 40)}
    octo.always(github_says("API rate limit exceeded for user ID 1.", headers=limit))
    refusal(octo)
    assert octo.waits[0] == 40.0


@pytest.mark.parametrize(
    ("minutes", "when"), [(1.4, "in 2 minutes"), (30, "in 30 minutes"), (59.4, "in 1 hour")]
)
def test_primary_limit(octo: Octo, minutes: float, when: str) -> None:
    """A used-up budget is not waited for, and how long to wait is never said too short."""
    octo.github.limit(remaining=0, reset=NOW + 60 * minutes)
    with fails("github-rate-limit", Exit.FAILED) as caught:
        write(octo)
    assert octo.waits == []
    assert caught.value.next == (Run("again", when=when),)


@pytest.mark.parametrize("message", ["Forbidden", "Quota exhausted", ""])
def test_403_with_no_requests_remaining_is_a_rate_limit_whatever_its_words(
    octo: Octo, message: str
) -> None:
    """https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api: the header."""
    limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 1800)}
    octo.always(github_says(message, headers=limit))
    with fails("github-rate-limit", Exit.FAILED):
        write(octo)


@pytest.mark.parametrize(
    "header",
    [
        {"Retry-After": "9" * 400},
        {"Retry-After": "-5"},
        {"Retry-After": "1e9"},
        {"Retry-After": "soon"},
        {"Retry-After": ""},
        {"Retry-After": "\xb2"},
        {"Retry-After": "Wed, 21 Oct 2015 07:28:00"},
        {"Retry-After": "Wed, 21 Oct 2015 07:28:00 -0000"},
        {"Retry-After": "Wed, 21 Oct 99999 07:28:00 GMT"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 400},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "\xb2"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "-1"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2015-10-21"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "never"},
        {"X-RateLimit-Remaining": "0"},
    ],
    ids=str,
)
def test_garbled_times(octo: Octo, header: Mapping[str, str]) -> None:
    """Whatever stands where a time should, a rate limit stays a rate limit."""
    octo.always(github_says("API rate limit exceeded.", headers=header))
    with fails("github-rate-limit", Exit.FAILED):
        write(octo)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [PAGE, b"", b'{"message": "Server Error"}'])
def test_server_error(octo: Octo, status: int, body: bytes) -> None:
    """GitHub in trouble is asked again after 1, 2 and 4 seconds; then the run ends in words."""
    octo.always(reply(status, body))
    with fails("github-unwell", Exit.FAILED):
        write(octo)
    assert octo.waits == [1.0, 2.0, 4.0]


def test_passing_server_error(octo: Octo) -> None:
    """A write that met one 502 is done."""
    repository = octo.repository()
    met: list[Seen] = []

    def interfere(seen: Seen, real: Callable[[], bytes]) -> bytes:
        if seen.method == "PUT" and not met:
            met.append(seen)
            return reply(502, PAGE)
        return real()

    octo.interfere = interfere
    repository.put_secret("TOKEN", Secret("plaintext"))
    assert octo.stored.open_secret("TOKEN") == "plaintext"


@pytest.mark.parametrize("status", [200, 400, 410, 451, 503])
def test_page(octo: Octo, status: int) -> None:
    """A page in place of JSON is never quoted."""
    octo.always(reply(status, PAGE, {"Content-Type": "text/html"}))
    assert "Whoa" not in str(vars(refusal(octo)))


def test_forbidden_by_a_page(octo: Octo) -> None:
    """A 403 that is a page comes from something between, and is not the token's fault."""
    octo.always(reply(403, PAGE, {"Content-Type": "text/html"}))
    with fails("github-unwell", Exit.FAILED):
        write(octo)


@pytest.mark.parametrize("status", [400, 402, 410, 418, 451])
def test_other_refusals(octo: Octo, status: int) -> None:
    """Any other refusal is definite: it ends the run at once, and GitHub is not in trouble."""
    octo.always(github_says("No.", status))
    with fails("github-refused", Exit.ACTION_REQUIRED) as caught:
        write(octo)
    assert f"HTTP {status} (“No.”)" in caught.value.what
    assert len(octo.wire.seen) == 1
    assert octo.waits == []


def test_unreachable(octo: Octo) -> None:
    """A server that isn't there is an error in words, after a few tries."""
    octo.client.api_url = "http://127.0.0.1:1"
    with fails("unreachable", Exit.FAILED):
        write(octo)
    assert octo.waits == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    "message", ["\x1b[31mred\x1b[0m", "a\r\nb", "::error::x", "x" * 5000, "\u202eabc", "\ud800"]
)
def test_message_for_a_terminal(octo: Octo, message: str) -> None:
    """GitHub's words are shown in one line of printable characters, and cut to a length."""
    octo.always(github_says(message, 400))
    what = refusal(octo).what
    assert what.isprintable()
    assert len(what) < 300


@pytest.mark.parametrize("message", [5, None, [], {"a": 1}, True])
def test_message_of_another_type(octo: Octo, message: object) -> None:
    """A message that is no text does no harm."""
    octo.always(reply(403, {"message": message}))
    with fails("github-refused", Exit.ACTION_REQUIRED):
        write(octo)
