"""What is chosen for an instance, in words: the facts that the words must hold.

That the ceremony does as it says is tested in `ceremony/test_doctor.py`.
"""

import re

import pytest

from provisioner.capabilities import Description
from provisioner.choices import explain
from tests.unit.descriptions import CLASSIC, NEW, ORIGIN, POST, told


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
    ("instance", "subject", "facts"),
    [
        (told("Mastodon", "4.7.3", NEW), "Scopes", {" ".join(POST)}),
        (told("takahe", "0.11.0"), "Scopes", {"read write:statuses write:media", "takahe"}),
        (told("Pixelfed", "0.12.6"), "Scopes", {"read write", "Pixelfed"}),
        (told("Nobody", "1.0"), "Scopes", {" ".join(CLASSIC), "read write"}),
        (told("", "", NEW, (), ("plain",)), "PKCE", {"S256", "plain"}),
        (told("takahe", "0.11.0"), "Code", {"1 minute", "takahe"}),
        (told("GoToSocial", "0.20.0"), "Code", {"5 minutes", "GoToSocial"}),
        (told("", "", NEW), "Code", {"1 minute"}),
        (told(), "Code", {"1 minute"}),
        (told("Pleroma", "2.9.1"), "Unused application", {"15 minutes", "Pleroma"}),
        (told("Mastodon", "4.2.8"), "Unused application", {"1 day", "Mastodon"}),
        (told("", "", NEW, revocation=""), "Revocation", {ORIGIN}),
        (told("Pixelfed", "0.12.6"), "Revocation", {f"{ORIGIN}/settings/applications"}),
        (told("GoToSocial", "0.20.0"), "Revocation", {f"{ORIGIN}/settings/user/tokens"}),
        (told("Mastodon", "4.3.0", NEW, ("password",)), "Password", {"login"}),
        (told("Mastodon", "4.3.0", NEW, ("code",)), "Password", {"begin"}),
        (told("Akkoma", "3.10.4"), "Password", {"login", "Akkoma"}),
        (told("Friendica", "2024.03"), "Password", {"begin", "Friendica"}),
        (told("Nobody", "1.0"), "Password", {"login"}),
        (told("Akkoma", "3.10.4"), "Posting", {"Idempotency-Key", "Akkoma"}),
        (told("GoToSocial", "0.20.0"), "Posting", {"read:statuses", "GoToSocial"}),
        (told("Pixelfed", "0.12.6"), "Posting", {"Pixelfed"}),
    ],
)
def test_an_explanation_names_the_facts(
    instance: Description, subject: str, facts: set[str]
) -> None:
    """Times, pages, scopes and verbs; and the software, where they are known of that alone."""
    line = explain(instance, POST)[subject]
    for fact in facts:
        assert fact in line


@pytest.mark.parametrize(("software", "version"), [("Akkoma", "3.10.4"), ("Mastodon", "4.7.3")])
def test_an_application_that_is_kept_has_no_end(software: str, version: str) -> None:
    """No time is named for it."""
    line = explain(told(software, version), POST)["Unused application"]
    assert re.findall("[0-9]", line) == []
