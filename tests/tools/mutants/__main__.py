"""`make mutants`: changes what keeps tokens safe in every small way, and counts what lived.

`ONLY='provisioner.journal_store*'` tries a part. Without it there is a pattern all the same: mutmut
then runs the tests by their names first, and stops if it can't find one. Later it would take a test
that it can't find for a mutant that was noticed.

A mutant that lives is a change that neither mypy nor a test notices. It fails the target, unless
`explained.toml` says why it may: by function, then by the changed line. What stands there and does
not live any more fails it too, so that the list stays true.
"""

import os
import subprocess
import sys
import tomllib
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from shutil import rmtree

EXPLAINED = Path(__file__).with_name("explained.toml")
FOLDER = Path("mutants")
BIN = Path(sys.executable).parent
NOTICED = frozenset({"killed", "caught by type check", "timeout"})


def mutmut(*arguments: str) -> str:
    """What the tool prints; with the environment's own mypy on the path."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [BIN / "mutmut", *arguments],
        env=os.environ | {"PATH": path},
        stdout=None if arguments[0] == "run" else subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout or ""


def changed(name: str) -> tuple[str, str]:
    """The function of a mutant, and the line that is other in it; one that is gone as `- line`."""
    lines = [line for line in mutmut("show", name).splitlines() if line[:3] not in {"---", "+++"}]
    new = [line[1:].strip() for line in lines if line.startswith("+")]
    old = [line[1:].strip() for line in lines if line.startswith("-")]
    gone = [f"- {line}" for line in old if line not in new]
    function = name.removeprefix("provisioner.").rpartition("__mutmut_")[0]
    function = function.replace(".x_", ".").replace(".xǁ", ".").replace("ǁ", ".")
    return function, next((line for line in new if line not in old), " ".join(gone))


def main(only: str) -> int:
    """Run, compare, and tell."""
    rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    (FOLDER / ".cache").symlink_to(Path("../.cache"))  # GitHub's description, for the tests
    mutmut("run", only)
    results = (line.strip().rsplit(": ", 1) for line in mutmut("results", "--all=1").splitlines())
    states = {name: state for name, state in results if fnmatch(name, only)}
    lived = {name: changed(name) for name, state in states.items() if state not in NOTICED}
    reasons = tomllib.loads(EXPLAINED.read_text())
    explained = {(function, line) for function, lines in reasons.items() for line in lines}
    new = {name: change for name, change in lived.items() if change not in explained}
    for name, change in new.items():
        print("Not noticed:", *change, f"(mutmut show {name})", sep="\n    ")
    tried = {change for change in explained if fnmatch(f"provisioner.{change[0]}", only)}
    gone = tried.difference(lived.values())
    for change in sorted(gone):
        print("Explained, and noticed now:", *change, sep="\n    ")
    counts = ", ".join(f"{count} {state}" for state, count in Counter(states.values()).items())
    print(f"{len(states)} mutants: {counts}; {len(lived) - len(new)} of them explained")
    return bool(new or gone)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
