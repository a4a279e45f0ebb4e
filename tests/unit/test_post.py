"""The Idempotency-Key of a post."""

from provisioner.commands.post import key_of

POST = ("https://social.example", "1", "howdy", "")


def test_same_post_has_the_same_key() -> None:
    assert key_of(*POST) == key_of(*POST)


def test_key_differs_by_instance_account_text_and_visibility() -> None:
    others = [("https://a.example", *POST[1:]), (POST[0], "2", *POST[2:])]
    others += [(*POST[:2], "howdy!", ""), (*POST[:3], "direct")]
    assert len({key_of(*post) for post in [POST, *others]}) == 5
