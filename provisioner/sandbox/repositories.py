"""A repository, and how GitHub's API describes it and its owner."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from provisioner.sandbox.vault import StoredSecret, Vault

_REPOSITORY_LINKS = {
    "assignees": "/assignees{/user}",
    "blobs": "/git/blobs{/sha}",
    "branches": "/branches{/branch}",
    "collaborators": "/collaborators{/collaborator}",
    "comments": "/comments{/number}",
    "commits": "/commits{/sha}",
    "compare": "/compare/{base}...{head}",
    "contents": "/contents/{+path}",
    "contributors": "/contributors",
    "deployments": "/deployments",
    "downloads": "/downloads",
    "events": "/events",
    "forks": "/forks",
    "git_commits": "/git/commits{/sha}",
    "git_refs": "/git/refs{/sha}",
    "git_tags": "/git/tags{/sha}",
    "hooks": "/hooks",
    "issue_comment": "/issues/comments{/number}",
    "issue_events": "/issues/events{/number}",
    "issues": "/issues{/number}",
    "keys": "/keys{/key_id}",
    "labels": "/labels{/name}",
    "languages": "/languages",
    "merges": "/merges",
    "milestones": "/milestones{/number}",
    "notifications": "/notifications{?since,all,participating}",
    "pulls": "/pulls{/number}",
    "releases": "/releases{/id}",
    "stargazers": "/stargazers",
    "statuses": "/statuses/{sha}",
    "subscribers": "/subscribers",
    "subscription": "/subscription",
    "tags": "/tags",
    "teams": "/teams",
    "trees": "/git/trees{/sha}",
}
_USER_LINKS = {
    "followers": "/followers",
    "following": "/following{/other_user}",
    "gists": "/gists{/gist_id}",
    "starred": "/starred{/owner}{/repo}",
    "subscriptions": "/subscriptions",
    "organizations": "/orgs",
    "repos": "/repos",
    "events": "/events{/privacy}",
    "received_events": "/received_events",
}


@dataclass(eq=False)
class Repository:
    """A repository with its secrets and variables; names are stored in upper case.

    A test may set `archived` and `private`, and write into `variables`.
    """

    id: int
    owner: str
    name: str
    private: bool
    created_at: float
    vault: Vault
    clock: Callable[[], float] = field(repr=False)
    archived: bool = False
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    variable_times: dict[str, tuple[float, float]] = field(default_factory=dict, repr=False)

    @property
    def full_name(self) -> str:
        """The owner's and the repository's name."""
        return f"{self.owner}/{self.name}"

    @property
    def secrets(self) -> Mapping[str, StoredSecret]:
        """What the repository's vault holds, by name."""
        return MappingProxyType(self.vault.secrets)

    def open_secret(self, name: str) -> str:
        """Return a secret's plaintext, as a workflow would see it; `KeyError` where it is not."""
        return self.vault.secrets[name.upper()].plaintext.decode()

    def set_secret(self, name: str, value: str) -> None:
        """Store a secret as a person does on the settings page."""
        plaintext = value.encode()
        self.vault.store(name, plaintext, len(plaintext) + 48, self.clock())


def repository_body(api_url: str, repository: Repository) -> dict[str, object]:
    """Return the `full-repository` of GitHub's OpenAPI description."""
    url = f"{api_url}/repos/{repository.full_name}"
    page = f"https://github.com/{repository.full_name}"
    created = timestamp(repository.created_at)
    return {
        "id": repository.id,
        "node_id": _node_id("Repository", repository.id),
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "visibility": "private" if repository.private else "public",
        "owner": user_body(api_url, repository.owner, "Organization"),
        "html_url": page,
        "description": None,
        "fork": False,
        "url": url,
        **{f"{name}_url": url + path for name, path in _REPOSITORY_LINKS.items()},
        "archive_url": f"{url}/{{archive_format}}{{/ref}}",
        "git_url": f"git://github.com/{repository.full_name}.git",
        "ssh_url": f"git@github.com:{repository.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "forks_count": 0,
        "stargazers_count": 0,
        "watchers_count": 0,
        "open_issues_count": 0,
        "subscribers_count": 0,
        "network_count": 0,
        "forks": 0,
        "watchers": 0,
        "open_issues": 0,
        "size": 0,
        "default_branch": "main",
        "has_issues": True,
        "has_projects": False,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        "archived": repository.archived,
        "disabled": False,
        "topics": [],
        "pushed_at": created,
        "created_at": created,
        "updated_at": created,
        "permissions": {
            "admin": True,
            "maintain": True,
            "push": True,
            "triage": True,
            "pull": True,
        },
    }


def user_body(api_url: str, login: str, kind: str = "User") -> dict[str, object]:
    """Return the `simple-user` of GitHub's OpenAPI description."""
    url = f"{api_url}/users/{login}"
    number = sum(login.lower().encode())
    return {
        "login": login,
        "id": number,
        "node_id": _node_id("User", number),
        "avatar_url": f"https://github.com/{login}.png",
        "gravatar_id": "",
        "url": url,
        "html_url": f"https://github.com/{login}",
        **{f"{name}_url": url + path for name, path in _USER_LINKS.items()},
        "type": kind,
        "site_admin": False,
    }


def private_user_body(api_url: str, login: str, created_at: float) -> dict[str, object]:
    """Return the `private-user` that a token's own user sees."""
    empty = ("name", "company", "location", "email", "hireable", "bio")
    counts = ("public_repos", "public_gists", "followers", "following", "private_gists")
    more = ("total_private_repos", "owned_private_repos", "disk_usage", "collaborators")
    return {
        **user_body(api_url, login),
        **dict.fromkeys(empty),
        **dict.fromkeys((*counts, *more), 0),
        "blog": "",
        "user_view_type": "private",
        "two_factor_authentication": True,
        "created_at": timestamp(created_at),
        "updated_at": timestamp(created_at),
    }


def timestamp(moment: float) -> str:
    """Write a moment as GitHub does: whole seconds, UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode()
