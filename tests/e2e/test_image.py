"""The action's image: what it is made of, and how it behaves as the runner starts it."""

import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.e2e.engine import ROOT, Engine, base_image

STRUCTURE = Path(__file__).with_name("structure.yaml")
CHECKOUT = "/github/workspace"
PATIENCE = 30.0

# GitHub's runner takes the one, act the other.
with_both_builders = pytest.mark.parametrize("builder", ["buildkit", "legacy"])


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A checkout, or a home, in which files are named like modules that the program imports."""
    for folder in (tmp_path, tmp_path / ".local/lib/python3.13/site-packages"):
        folder.mkdir(parents=True, exist_ok=True)
        for module in ("httpx", "provisioner", "sitecustomize", "typing", "usercustomize"):
            (folder / f"{module}.py").write_text("raise SystemExit('hijacked')\n")
    return tmp_path


@with_both_builders
def test_image_holds_the_program_alone_and_starts_it_isolated(engine: Engine, builder: str) -> None:
    image = f"mastodon-provisioner:{builder}"
    engine.build(ROOT, image, buildkit=builder == "buildkit")
    platform = engine.inspect(image, "{{.Os}}/{{.Architecture}}")
    tool = Path(sys.executable).with_name("container-structure-test")
    done = subprocess.run(
        [tool, "test", "--image", image, "--platform", platform, "--config", STRUCTURE],
        env=engine.environment,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_user_and_folder_are_left_to_the_runner(engine: Engine, image: str) -> None:
    """Only root can write the runner's files."""
    assert engine.inspect(image, "{{.Config.User}}") == ""
    assert engine.inspect(image, "{{.Config.WorkingDir}}") in {"", "/"}  # some builders say so


@with_both_builders
def test_builder_is_sent_only_what_the_dockerfile_copies(
    engine: Engine, tmp_path: Path, builder: str
) -> None:
    wanted = {
        "LICENSE",
        "provisioner/__main__.py",
        "provisioner/py.typed",
        "provisioner/sandbox/__init__.py",
        "pyproject.toml",
        "requirements/build.txt",
        "requirements/runtime.txt",
    }
    unwanted = {
        ".env",
        ".git/config",
        ".venv/pyvenv.cfg",
        "provisioner/.env",
        "provisioner/__pycache__/cli.pyc",
        "provisioner/sandbox/.env",
        "requirements/dev.txt",
        "secrets.json",
        "tests/conftest.py",
    }
    for name in wanted | unwanted:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text((ROOT / ".dockerignore").read_text())
    (tmp_path / "Dockerfile").write_text(f"FROM {base_image()}\nCOPY . /sent\nWORKDIR /sent\n")
    image = f"mastodon-provisioner:sent-{builder}"
    engine.build(tmp_path, image, buildkit=builder == "buildkit")
    sent = engine.run(image, "find", "-type", "f").stdout
    assert {line.removeprefix("./") for line in sent.splitlines()} == wanted


def test_run_compiles_nothing_and_writes_nothing_into_the_container(
    engine: Engine, image: str
) -> None:
    """What it imports, of the standard library too, was compiled when the image was built."""
    name = f"provisioner-{uuid.uuid4()}"
    try:
        engine.call("run", f"--name={name}", image, "demo")
        assert engine.call("diff", name) == ""
    finally:
        engine.call("rm", "--force", name)


@pytest.mark.parametrize(
    "variable",
    [
        "PATH=utter-nonsense",
        "PYTHONHOME=.",
        "PYTHONPATH=.",
        f"PYTHONSTARTUP={CHECKOUT}/httpx.py",
        "PYTHONUSERBASE=.local",
        "PYTHONINSPECT=1",
        "PYTHONIOENCODING=ascii",
        "LC_ALL=POSIX",
    ],
)
def test_files_and_variables_of_a_job_do_not_decide_what_is_run(
    engine: Engine, image: str, hostile: Path, variable: str
) -> None:
    """Its checkout and its home have files that are named like modules."""
    done = engine.run(image, "demo", options=[*there(hostile), f"--env={variable}"])
    assert done.returncode == 0, done.stderr
    assert "hijacked" not in done.stdout + done.stderr
    assert "✓ mybot posted" in done.stdout


def test_without_isolation_the_checkout_would_be_run(
    engine: Engine, image: str, hostile: Path
) -> None:
    """The hostile checkout is one: this is what -I keeps out."""
    options = [*there(hostile), "--entrypoint=/opt/provisioner/bin/python"]
    done = engine.run(image, "-m", "provisioner", "--version", options=options)
    assert "hijacked" in done.stderr


def there(folder: Path) -> list[str]:
    """Options: started in this folder, as in a checkout, and with it for a home."""
    return [f"--volume={folder}:{CHECKOUT}", f"--workdir={CHECKOUT}", f"--env=HOME={CHECKOUT}"]
