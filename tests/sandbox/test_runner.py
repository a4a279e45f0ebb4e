"""What a workflow run sees."""

from tests.sandbox.hands import Octo


def test_secrets_are_a_snapshot(octo: Octo) -> None:
    """A queued run keeps the secrets of its queueing."""
    octo.put("TOKEN", "old")
    run = octo.sandbox.github.queue("acme/demo")
    octo.put("TOKEN", "new")
    assert run.secret("token") == "old"


def test_rerun(octo: Octo) -> None:
    """A re-run replays the secrets of the first attempt, and knows that it is one."""
    octo.put("TOKEN", "old")
    run = octo.sandbox.github.queue("acme/demo")
    octo.put("TOKEN", "new")
    again = run.rerun()
    assert (again.secrets["TOKEN"], again.attempt) == ("old", 2)


def test_variables_are_live(octo: Octo) -> None:
    """Variables are read as they are now."""
    run = octo.sandbox.github.queue("acme/demo")
    octo.repository.variables["JOURNAL"] = "now"
    assert run.variables["JOURNAL"] == "now"


def test_missing_secret(octo: Octo) -> None:
    """A secret that is not set is the empty string in a workflow."""
    assert octo.sandbox.github.queue("acme/demo").secret("NONE") == ""
