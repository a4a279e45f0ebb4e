"""An instance and an application as OAuth 2.0 knows them: endpoints, client, PKCE, the link.

Pure. RFC 6749 (the framework), RFC 7636 (PKCE), RFC 8414 (metadata).
"""

import base64
import hashlib
import re

import httpx
import msgspec

from provisioner.mastodon.profiles import ServerProfile, profile_of
from provisioner.secret import Secret
from provisioner.urls import host_of

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
"""The redirect URI that makes the instance show the code to the person."""
MAX_WORD = 64
WORD = re.compile(rf"[A-Za-z0-9:_.*-]{{1,{MAX_WORD}}}")
"""As servers spell scopes, grants and methods: nothing else is kept, shown or sent back."""


class Instance(msgspec.Struct, frozen=True):
    """A Mastodon-compatible server: its origin and its OAuth endpoints, all of that origin."""

    origin: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str
    revocation_endpoint: str
    """"" where the metadata names none."""
    has_metadata: bool
    """Whether the endpoints come from RFC 8414 metadata: on Mastodon, 4.3 or newer."""
    software: str = ""
    """The name of its software, as `Pixelfed`; "" where it does not tell."""
    version: str = ""

    @property
    def host(self) -> str:
        """The instance's name, for people."""
        return host_of(self.origin)

    @property
    def product(self) -> str:
        """Software and version, for people; "" where it does not tell."""
        return f"{self.software} {self.version}".strip()

    @property
    def authorized_applications(self) -> str:
        """The page where a person removes an application and its tokens."""
        return self.applications_of("")

    def applications_of(self, account: str) -> str:
        """The same page for an account (`user@domain`): Takahē has one for each."""
        path = self.profile.settings_path
        known = bool(account) or "{account}" not in path
        return self.origin + (path.replace("{account}", account) if known else "/")

    @property
    def profile(self) -> ServerProfile:
        """What only the software's name tells; without one, the least that is known of any."""
        return profile_of(self.software, self.version)


class Application(msgspec.Struct, frozen=True):
    """What the instance registered (RFC 6749: the client)."""

    client_id: str
    client_secret: Secret
    user_supplied: bool = False
    """Made by a person: its tokens may be in use elsewhere, and are never revoked by us."""


def challenge(verifier: Secret) -> str:
    """The PKCE code challenge of a verifier, method S256 (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.reveal().encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorization_url(
    instance: Instance,
    client_id: str,
    scopes: tuple[str, ...],
    verifier: Secret | None,
    redirect_uri: str,
    state: str,
) -> str:
    """The link that the person opens (RFC 6749, section 4.1.1).

    `state` is "" with the out-of-band redirect: Mastodon does not show it there, and others would
    append it to the code. `force_login=true` makes Mastodon ask even where a token exists already;
    `false` makes Pleroma show an old token in place of a code, so it is never sent.
    """
    params = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "force_login": "true",
    }
    if state:
        params["state"] = state
    if instance.profile.prompt:
        params["prompt"] = instance.profile.prompt
    if verifier:
        params |= {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
    return str(httpx.URL(instance.authorization_endpoint).copy_merge_params(params))
