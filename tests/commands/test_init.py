"""init: the files that it writes, and the files that it leaves."""

from pathlib import Path

import pytest
import yaml

from provisioner.commands.init import EXAMPLES, FOLDER, PUSH, SCOPE, init, rendered
from provisioner.config import Config, parse
from provisioner.report import Report

BOT = FOLDER / "bot.yml"


def config(**values: str | bool | list[str]) -> Config:
    given = {"account": "bot@social.example", **values}
    return parse("init", {name.replace("_", "-"): value for name, value in given.items()})


def run(root: Path, asked: Config | None = None, *, agrees: bool = False) -> tuple[Report, str]:
    """What init reports, and the differences that it showed."""
    shown: list[str] = []

    def may_replace(_: Path, diff: str) -> bool:
        shown.append(diff)
        return agrees

    return init(asked or config(), root, may_replace, lacks_scope=False), "\n".join(shown)


def with_of(root: Path, name: str) -> dict[str, str]:
    [job] = yaml.safe_load((root / FOLDER / name).read_text())["jobs"].values()
    given: dict[str, str] = job["steps"][0]["with"]
    return given


def test_files_are_as_readme_shows_them_and_the_check_needs_no_github_token(
    tmp_path: Path,
) -> None:
    run(tmp_path)
    assert (tmp_path / BOT).read_text() == (EXAMPLES / "bot.yml").read_text()
    assert with_of(tmp_path, "token-check.yml") == {
        "account": "bot@social.example",
        "access-token": "${{ secrets.MASTODON_ACCESS_TOKEN }}",
    }


def test_files_name_what_this_bot_uses(tmp_path: Path) -> None:
    names = config(
        with_rotation=True,
        journal="SECOND_JOURNAL",
        secrets=["SECOND_TOKEN=access_token", "SECOND_ID=client_id"],
        variables=["SECOND_URL=base_url"],
        instance="https://other.example",
        scopes="interact",
    )
    run(tmp_path, names)
    assert not (tmp_path / FOLDER / "token-check.yml").exists()  # the other takes its place
    bot = (tmp_path / BOT).read_text()
    assert "${{ secrets.SECOND_TOKEN }}" in bot
    assert "${{ vars.SECOND_URL }}" in bot
    given = with_of(tmp_path, "credentials.yml")
    assert given["secrets"] == "SECOND_TOKEN=access_token\nSECOND_ID=client_id\n"
    assert given["variables"] == "SECOND_URL=base_url"
    assert given["journal"] == "SECOND_JOURNAL"
    assert given["journal-key"] == "${{ secrets.SECOND_JOURNAL_KEY }}"
    assert given["instance"] == "https://other.example"
    assert given["scopes"] == "interact"
    assert parse(
        "auto",
        {**given, "github-token": "ghp_" + "a" * 36, "repository": "me/bot"},
        in_workflow=True,
    ).secrets


def test_check_is_given_no_names_that_it_does_not_take() -> None:
    text = rendered("token-check.yml", config(secrets=["OTHER=access_token"], scopes="full"))
    [job] = yaml.safe_load(text)["jobs"].values()
    assert job["steps"][0]["with"] == {
        "account": "bot@social.example",
        "scopes": "full",
        "access-token": "${{ secrets.OTHER }}",
    }


@pytest.mark.parametrize("agrees", [True, False])
def test_changed_file_is_replaced_only_if_the_person_agrees(
    tmp_path: Path,
    agrees: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    run(tmp_path)
    ours = (tmp_path / BOT).read_text()
    theirs = ours.replace("howdy universe!", "hello")
    (tmp_path / BOT).write_text(theirs)
    report, shown = run(tmp_path, agrees=agrees)
    assert "-          STATUS: hello" in shown
    assert "+          STATUS: howdy universe!" in shown
    assert (tmp_path / BOT).read_text() == (ours if agrees else theirs)
    assert report.facts["files"] == ([str(BOT)] if agrees else [])
    assert [item.verdict for item in report.items] == ["good" if agrees else "unclear", "good"]


def test_file_that_is_not_utf8_is_replaced_as_any_other(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / BOT).write_bytes("# Grüße".encode("latin-1"))
    report, _ = run(tmp_path, agrees=True)
    assert report.facts["files"] == [str(BOT)]


def test_second_run_changes_and_asks_nothing(tmp_path: Path) -> None:
    run(tmp_path)
    report, shown = run(tmp_path)
    assert shown == ""
    assert report.facts["files"] == []
    assert report.next == ()


def test_scope_of_gh_is_named_before_the_push_where_it_is_missing(tmp_path: Path) -> None:
    assert run(tmp_path / "has")[0].next == PUSH
    report = init(config(), tmp_path / "lacks", lambda *_: False, lacks_scope=True)
    assert report.next == SCOPE + PUSH
