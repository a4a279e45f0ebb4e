"""What a bot maker writes who has Mastodon.py and gh: the same job in two short commands.

    python mastodon_py_and_gh.py begin ORIGIN APPLICATION
    python mastodon_py_and_gh.py complete APPLICATION CODE REPOSITORY

APPLICATION is the file in which Mastodon.py keeps the application's credentials in between.
"""

import subprocess
import sys

from mastodon import Mastodon

SCOPES = ["read:accounts", "write:statuses", "write:media"]


def begin(origin: str, application: str) -> None:
    """Register an application and print the link that authorizes it."""
    Mastodon.create_app("bot", scopes=SCOPES, api_base_url=origin, to_file=application)
    mastodon = Mastodon(client_id=application)
    print(mastodon.auth_request_url(scopes=SCOPES, allow_http=True))


def complete(application: str, code: str, repository: str) -> None:
    """Exchange the code, and hand token and address to gh."""
    mastodon = Mastodon(client_id=application)
    token = mastodon.log_in(code=code, scopes=SCOPES, allow_http=True)
    gh("secret", "set", "MASTODON_ACCESS_TOKEN", "--repo", repository, typed=token)
    gh("variable", "set", "MASTODON_BASE_URL", "--repo", repository, typed=mastodon.api_base_url)


def gh(*arguments: str, typed: str) -> None:
    """Run gh; what it stores goes to standard input, since everybody can read arguments."""
    subprocess.run(["gh", *arguments], input=typed, text=True, check=True)


if __name__ == "__main__":
    if sys.argv[1] == "begin":
        begin(*sys.argv[2:])
    else:
        complete(*sys.argv[2:])
