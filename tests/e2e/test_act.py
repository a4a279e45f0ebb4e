"""The example workflows, run whole by nektos/act against real Doorkeeper, dispatch by dispatch.

A user changes one line of them: the account.
"""

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.sandbox import Repository, serve
from tests.e2e.act import Act, Log, understood
from tests.e2e.browser import Browser
from tests.e2e.command import REPOSITORY
from tests.e2e.engine import Engine
from tests.e2e.instance import Instance
from tests.e2e.workflow import EXAMPLES, Workflow, example
from tests.servers import GitHub

GITHUB_TOKEN = "PROVISIONER_GITHUB_TOKEN"
TOKEN = "MASTODON_ACCESS_TOKEN"
KEY = "MASTODON_JOURNAL_KEY"

# In place of actions/create-github-app-token: takes its inputs (those of v3.1.1, less the many
# permission-… that our example must not give) and has its outputs, and masks the token as it does.
# The genuine one signs a request with the key, and revokes the token when the job is over.
APP_ACTION = """
name: Create GitHub App Token
description: A stand-in
inputs:
  client-id: {description: GitHub App Client ID}
  app-id: {description: GitHub App ID, deprecationMessage: Use 'client-id' instead.}
  private-key: {description: GitHub App private key, required: true}
  owner: {description: The owner of the installation}
  repositories: {description: The repositories to install the App on}
  skip-token-revoke: {description: Whether the token is left alive, default: "false"}
  github-api-url: {description: The URL of the API, default: "${{ github.api_url }}"}
outputs:
  token: {description: Installation access token, value: "${{ steps.make.outputs.token }}"}
  installation-id: {description: Installation ID, value: "1"}
  app-slug: {description: App slug, value: provisioner}
runs:
  using: composite
  steps:
    - id: make
      shell: bash
      env:
        CLIENT_ID: ${{ inputs.client-id }}
        PRIVATE_KEY: ${{ inputs.private-key }}
      run: |
        [[ $CLIENT_ID == Iv23liExample && $PRIVATE_KEY == "$(<"$GITHUB_ACTION_PATH/key")" ]]
        echo "::add-mask::$(<"$GITHUB_ACTION_PATH/token")"
        echo "token=$(<"$GITHUB_ACTION_PATH/token")" >>"$GITHUB_OUTPUT"
"""


@pytest.fixture
def act(engine: Engine, job_image: str, instance: Instance, tmp_path: Path) -> Iterator[Act]:
    """An empty repository on an embedded GitHub; afterwards, no secret stands in any log."""
    instance.reset()
    github = GitHub()
    github.add_repository(REPOSITORY)
    with serve(github) as server:
        github.api_url = server.origin
        act = Act(tmp_path, engine, job_image, github)
        yield act
        stored = github.queue(REPOSITORY).secrets.values()
        assert act.leaks(*instance.secrets(), *stored) == []


def succeeded(log: Log, status: str = "") -> Log:
    """A run that is green, with this status among the outputs."""
    assert log.code == 0, log.text
    assert log.outputs.get("status", "") == status
    return log


def test_examples_provision_and_rotate_while_the_bot_goes_on_posting(
    act: Act, instance: Instance, browser: Browser
) -> None:
    """Also where the bot's run was queued before the rotation."""
    handle = instance.handle(instance.bot)
    workflow = understood("credentials.yml", handle)
    bot = Workflow((EXAMPLES / "bot.yml").read_text("utf-8"), "bot.yml")
    check = Workflow(example("token-check.yml", handle), "token-check.yml")
    for one in workflow, bot, check:
        act.add_workflow(one)
    act.add_our_action(workflow.our_action)
    repository = act.github.repository(REPOSITORY)
    repository.set_secret(GITHUB_TOKEN, act.github.add_token())

    begun = succeeded(act.run(workflow, workflow.dispatch()), "approval-pending")
    code = browser.approve(begun.outputs["authorize-url"], instance.bot)
    succeeded(act.run(workflow, workflow.dispatch(code=code)), "provisioned")
    assert instance.live_tokens() == [repository.open_secret(TOKEN)]
    succeeded(act.run(workflow, workflow.schedule()), "healthy")

    queued = act.github.queue(REPOSITORY)
    begun = succeeded(act.run(workflow, workflow.dispatch(rotate="true")), "approval-pending")
    code = browser.approve(begun.outputs["authorize-url"], instance.bot)
    succeeded(act.run(workflow, workflow.dispatch(code=code)), "rotated")
    before = succeeded(act.run(bot, bot.dispatch(), queued))
    after = succeeded(act.run(bot, bot.schedule()))
    assert queued.secret(TOKEN) != repository.open_secret(TOKEN)
    require_posted(instance, repository, before, after)
    succeeded(act.run(check, check.schedule()), "healthy")


def require_posted(instance: Instance, repository: Repository, *logs: Log) -> None:
    """Each of these runs has posted, and a re-run of it would not post again.

    To a key that it knows, Mastodon answers with the status that was posted under it.
    """
    with instance.api(repository.open_secret(TOKEN)) as api:
        for log in logs:
            key = {"Idempotency-Key": str(log.number)}
            form = {"status": "there was none"}
            status = api.post("/api/v1/statuses", data=form, headers=key).json()
            assert status["content"] == "<p>howdy universe!</p>"


def test_hardened_example_provisions_with_tokens_of_an_app_and_a_key_made_by_hand(
    act: Act, instance: Instance, browser: Browser
) -> None:
    """The App's token is another one in each run."""
    workflow = understood("credentials-hardened.yml", instance.handle(instance.bot))
    act.add_workflow(workflow)
    act.add_our_action(workflow.our_action)
    [other] = [uses for uses in workflow.uses if uses != workflow.our_action]
    assert other.startswith("actions/create-github-app-token@")
    app = act.add_action(other)
    private_key = secrets.token_urlsafe(64)
    (app / "action.yml").write_text(APP_ACTION, "utf-8")
    (app / "key").write_text(private_key, "utf-8")
    repository = act.github.repository(REPOSITORY)
    repository.variables["PROVISIONER_APP_CLIENT_ID"] = "Iv23liExample"
    repository.set_secret("PROVISIONER_APP_PRIVATE_KEY", private_key)
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    repository.set_secret(KEY, key)

    def run(**inputs: str) -> Log:
        token = act.github.add_token(kind="app")
        act.known.add(token)
        (app / "token").write_text(token, "utf-8")
        log = act.run(workflow, workflow.dispatch(**inputs))
        act.github.remove_token(token)
        return log

    begun = succeeded(run(), "approval-pending")
    code = browser.approve(begun.outputs["authorize-url"], instance.bot)
    succeeded(run(code=code), "provisioned")
    succeeded(run(), "healthy")
    assert instance.whose(repository.open_secret(TOKEN)) == "bot"
    assert repository.open_secret(KEY) == key
