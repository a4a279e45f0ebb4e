"""`make called`: prints which of our files have a function called in a first `complete`.

A newcomer who follows a run reads these. A module or a class that is only defined does not count.
"""

import inspect
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

import provisioner
from provisioner.process import main as run_provisioner
from tests.action import step
from tests.support.person import Person
from tests.tools.benchmarks import provisioning

PACKAGE = Path(provisioner.__file__).parent
PROFILED = (sys.executable, "-m", "tests.tools.benchmarks.called")


def main() -> None:
    """Begin, approve, and profile a complete: in a workflow, and on the command line."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        in_workflow(files)
        tell(files, "a workflow")
        on_command_line(files)
        tell(files, "the command line")


def in_workflow(files: Path) -> None:
    with step.served(files.parent, key="") as workflow:
        code = workflow.begin()
        workflow.launcher = step.by(*PROFILED, str(files), "action")
        workflow.run(inputs={"code": code})


def on_command_line(files: Path) -> None:
    with provisioning.served() as servers:
        servers.sandbox.github.add_repository("bots/called")
        job = provisioning.Provisioner(servers, "bots/called")
        job.program = (sys.executable, "-m", "provisioner")
        with Person(provisioning.USER, provisioning.PASSWORD) as person:
            code = person.approve(job.begin())
        job.program = (*PROFILED, str(files))
        job.complete(code)


def tell(files: Path, where: str) -> None:
    called = files.read_text().split()
    print(*called, sep="\n")
    print(f"{len(called)} files have a function called in a first complete of {where}.\n")


def profile(files: Path) -> None:
    """Run the rest of the command line, and write to `files` whose functions it called."""
    called: set[Path] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_flags & inspect.CO_NEWLOCALS and code.co_name[0] != "<":
            called.add(Path(code.co_filename))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        run_provisioner()
    finally:
        sys.setprofile(None)
        ours = (path.relative_to(PACKAGE) for path in called if path.is_relative_to(PACKAGE))
        files.write_text("".join(f"{path}\n" for path in sorted(ours)))


if __name__ == "__main__":
    if sys.argv[1:]:
        profile(Path(sys.argv.pop(1)))
    else:
        main()
