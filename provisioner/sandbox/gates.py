"""What stands before GitHub's endpoints: refusals, headers that must be there, permissions."""

from collections.abc import Mapping
from datetime import UTC, datetime

from provisioner.sandbox.permissions import Access, Token
from provisioner.sandbox.web import Refused, Request, Response, json_response

VERSIONS = ("2022-11-28", "2026-03-10")
DOCUMENTATION = "https://docs.github.com/rest"


def refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> Refused:
    """Return a refusal with GitHub's error body."""
    body = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
    return Refused(json_response(status, body, headers))


def not_found() -> Refused:
    """Return a 404: no such thing, or the token cannot see it; GitHub does not say which."""
    return refused(404, "Not Found")


def needed(method: str, rest: list[str]) -> tuple[str, Access] | None:
    """Say which permission an endpoint wants; None where there is no such endpoint."""
    access: Access = "read" if method == "GET" else "write"
    match method, rest:
        case "GET", []:
            return "metadata", access
        case "GET", ["actions", "secrets"] | ["actions", "secrets", _]:
            return "secrets", access
        case "PUT" | "DELETE", ["actions", "secrets", _]:
            return "secrets", access
        case "GET" | "POST", ["actions", "variables"]:
            return "actions_variables", access
        case "GET" | "PATCH" | "DELETE", ["actions", "variables", _]:
            return "actions_variables", access
        case _:
            return None


def require_user_agent(request: Request) -> None:
    """Refuse a request without a User-Agent, with a text that is not JSON."""
    if not request.headers.get("User-Agent", "").strip():
        text = (
            b"Request forbidden by administrative rules. Please make sure your request has a "
            b"User-Agent header."
        )
        raise Refused(Response(403, (("Content-Type", "text/html; charset=utf-8"),), text))


def require_version(request: Request) -> None:
    """Refuse a version of the API that there is not."""
    version = request.headers.get("X-GitHub-Api-Version")
    if version is not None and version not in VERSIONS:
        raise refused(400, f'"{version}" is not a supported API version.')


def expiry(token: Token) -> dict[str, str]:
    """Return the header that tells when a personal token ends."""
    if token.expires_at is None or token.kind != "fine-grained":
        return {}
    moment = datetime.fromtimestamp(token.expires_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return {"GitHub-Authentication-Token-Expiration": moment}


def sso(owner: str) -> Refused:
    """Return the refusal of an organization that demands single sign-on."""
    url = f"https://github.com/orgs/{owner}/sso?authorization_request=sandbox"
    message = (
        "Resource protected by organization SAML enforcement. You must grant your Personal Access "
        "token access to this organization."
    )
    return refused(403, message, {"X-GitHub-SSO": f"required; url={url}"})
