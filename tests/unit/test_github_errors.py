"""What GitHub's refusals become, and which requests are sent again.

Most refusals are the embedded GitHub's own; those that it doesn't know are written out here.
"""

import json
from collections.abc import Mapping

import httpx
import pytest

from provisioner.github.client import GitHub, Repository
from provisioner.github.errors import FORM_FOR_NEW_TOKENS, TOKENS
from provisioner.http import Http
from provisioner.parsing import parse_api_url
from provisioner.report import Exit, ProvisionerError, Run
from provisioner.sandbox import Response
from provisioner.secret import Secret
from tests.servers.github import Access, Kind
from tests.support.told import fails, pages, said
from tests.unit.octo import FAILED, NAME, NOW, Octo, reply

VALUE = Secret("plaintext")
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try."


def write(octo: Octo) -> None:
    octo.open().put_secret("TOKEN", VALUE)


def refusal(octo: Octo, answer: Response) -> ProvisionerError:
    """The error where everything is answered so."""
    octo.always(answer)
    with pytest.raises(ProvisionerError) as caught:
        octo.open()
    return caught.value


def github_says(
    message: object, status: int = 403, headers: Mapping[str, str] | None = None
) -> Response:
    """A refusal in GitHub's form."""
    body = {"message": message, "documentation_url": "https://docs.github.com/rest"}
    return reply(status, body | {"status": str(status)}, headers)


# Tokens and permissions, as the embedded GitHub refuses them.


@pytest.mark.parametrize(
    ("kind", "permissions", "code"),
    [
        ("actions", {}, "github-token-cannot"),
        ("app", {"secrets": "read"}, "github-token-cannot"),
        ("fine-grained", {"secrets": "read"}, "github-permission"),
    ],
)
def test_missing_permission_is_named_and_asked_for_once(
    octo: Octo, kind: Kind, permissions: Mapping[str, Access], code: str
) -> None:
    octo.use(octo.github.add_token(permissions, kind=kind))
    repository = octo.open()
    with fails(code, Exit.ACTION_REQUIRED) as caught:
        repository.put_secret("TOKEN", VALUE)
    assert "secrets: " in said(caught.value)
    assert len(set(octo.methods)) == len(octo.methods)


@pytest.mark.parametrize(
    ("header", "needed"),
    [
        ("secrets=write; environments=write", "secrets: write or environments: write"),
        ("s" * 201, ""),
        ("<b>", ""),
    ],
)
def test_only_permissions_are_taken_from_their_header(octo: Octo, header: str, needed: str) -> None:
    message = "Resource not accessible by personal access token"
    headers = {"X-Accepted-GitHub-Permissions": header}
    error = refusal(octo, github_says(message, headers=headers))
    assert error.why.endswith(f" Needed here: {needed}." if needed else "lacks a permission.")
    assert "Needed" not in refusal(octo, github_says("It is archived", headers=headers)).why


def test_404_may_hide_what_single_sign_on_protects(octo: Octo) -> None:
    link = f"https://github.com/orgs/octo/sso?authorization_request={'x' * 400}"
    error = refusal(octo, github_says("Not Found", 404, {"X-GitHub-SSO": f"required; url={link}"}))
    assert error.code == "github-sso"
    assert error.link == link


# GitHub's sentences.

INTEGRATION = "Resource not accessible by integration"
NO_ACCESS = "Resource not accessible by personal access token."
OWN = f"{TOKENS}/4711"
EMAILS = "https://github.com/settings/emails"
ABOUT_OAUTH = "https://docs.github.com/articles/restricting-access-to-your-organization-s-data/"
LIFETIME = (
    "The 'octo' organization forbids access via a fine-grained personal access tokens if the "
    "token's lifetime is greater than 366 days. Please adjust your token's lifetime at the "
    f"following URL: {OWN}"
)
CLASSIC = (
    "`octo` forbids access via a personal access token (classic). Please use a GitHub App, OAuth "
    "App, or a personal access token with fine-grained permissions."
)
FINE = "`octo` forbids access via a fine-grained personal access token. Please use a GitHub App."
CORRECT = (
    "Although you appear to have the correct authorization credentials, the `octo` organization"
)
OAUTH = (
    f"{CORRECT} has enabled OAuth App access restrictions, meaning that data access to "
    f"third-parties is limited. For more information, visit {ABOUT_OAUTH}"
)
ADDRESS = f"{CORRECT} has an IP allow list enabled, and your IP address 192.0.2.1 is not permitted."
SAML = "Resource protected by organization SAML enforcement. You must grant your token access."


@pytest.mark.parametrize(
    ("status", "message", "code", "opened"),
    [
        (401, "Requires authentication", "github-token-refused", [FORM_FOR_NEW_TOKENS]),
        (403, INTEGRATION, "github-token-cannot", [FORM_FOR_NEW_TOKENS]),
        (403, f"{NO_ACCESS} See https://github.com.evil.test/x", "github-permission", [TOKENS]),
        (403, f"{NO_ACCESS} See https://evilgithub.com/x", "github-permission", [TOKENS]),
        (403, LIFETIME, "github-token-forbidden", [OWN, FORM_FOR_NEW_TOKENS]),
        (403, CLASSIC, "github-token-forbidden", [FORM_FOR_NEW_TOKENS]),
        (403, FINE, "github-token-forbidden", []),
        (403, OAUTH, "github-token-forbidden", [ABOUT_OAUTH, FORM_FOR_NEW_TOKENS]),
        (403, ADDRESS, "github-ip-allow-list", []),
        (403, SAML, "github-sso", ["https://github.com/settings/tokens"]),
        (403, "Must have admin rights to Repository.", "github-permission", []),
        (403, "Repository was archived so is read-only.", "archived", []),
        (403, "Sorry. Your account was suspended.", "github-refused", []),
        (403, f"An email address must be verified. See {EMAILS}.", "github-refused", [EMAILS]),
        (404, "Not Found", "github-not-found", [TOKENS]),
        (451, "Unavailable for legal reasons", "github-refused", []),
    ],
)
def test_each_sentence_of_githubs_has_its_cause_and_its_page(
    octo: Octo, status: int, message: str, code: str, opened: list[str]
) -> None:
    error = refusal(octo, github_says(message, status))
    assert error.code == code
    assert error.exit_code is Exit.ACTION_REQUIRED
    assert pages(error.next) == opened
    assert error.link == (opened[0] if opened else "")
    assert NAME in said(error)
    assert octo.methods == ["GET"]  # after a few tries GitHub locks a token's owner out


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        *((403, b"", "github-refused"), (403, b'{"message": 5}', "github-refused")),
        *((403, FAILED, "github-unwell"), (200, FAILED, "github-unwell")),
    ],
)
def test_page_is_neither_quoted_nor_taken_for_githubs_answer(
    octo: Octo, status: int, body: bytes, code: str
) -> None:
    error = refusal(octo, reply(status, body))
    assert error.code == code
    assert "Whoa" not in str(vars(error))
    assert ("page" in error.why) is (body == FAILED and status == 403)  # else it is in trouble


def test_forgejos_api_is_known_by_its_path_and_by_its_refusals_link(octo: Octo) -> None:
    """Its runners set GITHUB_API_URL to it."""
    with fails("bad-api-url", Exit.INPUT) as caught:
        parse_api_url("https://git.test/gitea/api/v1/")
    assert "Forgejo" in caught.value.why
    body = {"message": "not found", "url": "https://codeberg.org/api/swagger"}
    error = refusal(octo, reply(404, body))
    assert error.code == "bad-api-url"
    assert "Forgejo" in error.why


def test_message_and_address_are_shown_without_the_token(octo: Octo) -> None:
    token = octo.client.token.reveal()
    error = refusal(octo, github_says(f"No: {token}, https://github.com/x?{token}"))
    assert token not in said(error)


# Limits and failures.


@pytest.mark.parametrize(
    ("headers", "status", "waited"),
    [({"Retry-After": "7"}, 403, 7.0), ({}, 403, 60.0), ({}, 429, 60.0)],
)
def test_secondary_limit_is_waited_for_as_long_as_it_says_or_a_minute(
    octo: Octo, headers: Mapping[str, str], status: int, waited: float
) -> None:
    """As GitHub asks. Nothing is done before: a POST is sent again, too."""
    repository = octo.open()
    octo.once("POST", lambda _real: github_says(SECONDARY, status, headers))
    assert repository.write_variable("URL", "value", create=True)
    assert octo.waits == [waited]
    assert octo.stored.variables == {"URL": "value"}


def test_primary_limit_is_waited_for_if_it_is_soon_over_and_else_left_to_the_person(
    octo: Octo,
) -> None:
    limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 40)}
    refusal(octo, github_says("API rate limit exceeded for user ID 1.", headers=limit))
    assert octo.waits[0] == 40.0
    octo.waits.clear()
    refusal(octo, github_says("API rate limit exceeded", headers=limit | {"Retry-After": "3"}))
    assert octo.waits[0] == 3.0
    octo.waits.clear()
    octo.always(None, "NONE")
    octo.github.limited_until = NOW + 61
    with fails("github-rate-limit", Exit.FAILED) as caught:
        write(octo)
    assert octo.waits == []
    assert caught.value.next == (Run("again", when="in 2 minutes"),)


@pytest.mark.parametrize(
    "headers",
    [{"X-RateLimit-Remaining": "0"}, {"Retry-After": "soon"}, {"Retry-After": "7"}],
)
def test_403_with_a_limits_header_is_a_rate_limit_whatever_its_words(
    octo: Octo, headers: Mapping[str, str]
) -> None:
    """https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api."""
    both = {"X-GitHub-SSO": "required; url=https://github.com/sso", **headers}
    for sent in headers, both:
        assert refusal(octo, github_says("Forbidden", headers=sent)).code == "github-rate-limit"
    octo.waits.clear()
    assert refusal(octo, github_says("", 404, headers)).code == "github-not-found"
    assert octo.waits == []


def test_github_in_trouble_is_asked_again_and_then_given_up(octo: Octo) -> None:
    repository = octo.open()
    octo.always(reply(502, FAILED))
    with fails("github-unwell", Exit.FAILED) as caught:
        repository.put_secret("TOKEN", VALUE)
    assert caught.value.link == "https://www.githubstatus.com"
    assert octo.waits == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "Bad credentials"),
        (403, "Resource not accessible by personal access token"),
        (404, "Not Found"),
        (503, ""),
    ],
)
def test_links_lead_to_the_enterprise_server_whose_api_it_is(status: int, message: str) -> None:
    body = json.dumps({"message": f"{message} https://ghe.example/orgs/octo"}).encode()
    answers = httpx.MockTransport(
        lambda _request: httpx.Response(status, stream=httpx.ByteStream(body))
    )
    http = Http(sleep=lambda _seconds: None, transport=answers)
    repository = Repository(GitHub(http, "https://ghe.example/api/v3", Secret("x" * 9)), "me/bot")
    with pytest.raises(ProvisionerError) as caught:
        repository.open()
    links = [*pages(caught.value.next), caught.value.link]
    assert [link for link in links if "github" in link] == []
    assert ("https://ghe.example/orgs/octo" in links) is (status < 500)
    assert len(set(links)) == (2 if status < 500 else 1)
