"""What is chosen for an instance, in words.

That the ceremony does as it says is tested in `ceremony/test_doctor.py`.
"""

import pytest

from provisioner.capabilities import Description
from provisioner.choices import explain
from tests.unit.descriptions import NEW, ORIGIN, POST, told


def test_every_choice_is_explained() -> None:
    """Whatever an instance tells, each subject gets its line, and each line a reason."""
    lines = explain(told("Mastodon", "4.7.3", NEW, ("authorization_code",), ("S256",)), POST)
    assert {subject for subject, choice in lines.items() if len(choice) > 10} == {
        "Endpoints",
        "Scopes",
        "PKCE",
        "Code",
        "Unused application",
        "Revocation",
        "Password",
        "Posting",
    }


@pytest.mark.parametrize(
    ("instance", "subject", "words"),
    [
        (told("Mastodon", "4.7.3", NEW), "Endpoints", "those of its metadata"),
        (told("Mastodon", "4.2.8"), "Endpoints", "the classic paths"),
        (told("Mastodon", "4.7.3", NEW), "Scopes", "(its metadata lists them)"),
        (told("Mastodon", "4.2.8"), "Scopes", "(by its version)"),
        (told("takahe", "0.11.0"), "Scopes", "(takahe tells whose a token is only to read)"),
        (
            told("Pixelfed", "0.12.6"),
            "Scopes",
            "read write, more than was asked for (Pix",
        ),
        (
            told("Nobody", "1.0"),
            "Scopes",
            "(it does not tell which it knows); if it refuses",
        ),
        (told("", "", NEW, (), ("S256",)), "PKCE", "as its metadata offers"),
        (told("", "", NEW, (), ("plain",)), "PKCE", "only plain"),
        (told(), "PKCE", "ignores it"),
        (told("takahe", "0.11.0"), "Code", "within 1 minute, as known of takahe"),
        (told("GoToSocial", "0.20.0"), "Code", "within 5 minutes"),
        (told("", "", NEW), "Code", "within 1 minute, the least that is known of any"),
        (told(), "Code", "within 1 minute, the least that is known of any"),
        (told("Pleroma", "2.9.1"), "Unused application", "deleted after 15 minutes"),
        (told("Akkoma", "3.10.4"), "Unused application", "kept"),
        (told("Mastodon", "4.2.8"), "Unused application", "deleted after 1 day"),
        (told("Mastodon", "4.7.3"), "Unused application", "kept"),
        (
            told("", "", NEW, revocation=""),
            "Revocation",
            "nothing to call, by its metadata; ",
        ),
        (told("Pixelfed", "0.12.6"), "Revocation", "nothing to call, as known of Pixelfed (tried"),
        (told("Pixelfed", "0.12.6"), "Revocation", f"at {ORIGIN}/settings/applications"),
        (told("GoToSocial", "0.20.0"), "Revocation", f"at {ORIGIN}/settings/user/tokens"),
        (
            told("Mastodon", "4.3.0", NEW, ("password",)),
            "Password",
            "taken (login), by its me",
        ),
        (
            told("Mastodon", "4.3.0", NEW, ("code",)),
            "Password",
            "not taken, by its metadata",
        ),
        (told("Akkoma", "3.10.4"), "Password", "taken (login), as known of Akkoma"),
        (told("Friendica", "2024.03"), "Password", "not taken, as known of Friendica"),
        (told("Nobody", "1.0"), "Password", "perhaps taken: that is tried"),
        (told("Akkoma", "3.10.4"), "Posting", "does not post twice, as known of Akkoma"),
        (told("GoToSocial", "0.20.0"), "Posting", "shows posts only to read:statuses"),
        (told("Friendica", "2024.03"), "Posting", "looked for among the latest posts"),
        (told("Pixelfed", "0.12.6"), "Posting", "not from here: Pixelfed takes no post without"),
    ],
)
def test_what_is_explained(instance: Description, subject: str, words: str) -> None:
    """The explanation says what is known of this very server, and how."""
    assert words in explain(instance, POST)[subject]
