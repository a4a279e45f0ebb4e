"""`make tried`: prints what is tried, a line for each thing, so that two commits can be compared.

A line that is gone is something that is not tried any more. A new line that says what two runs “may
cost” is something that is not refused any more.

The lines are made from the data that the tests and `make faults` run on. They do not tell how many
requests a run makes: faults and signals strike at each of them. Not listed is what needs Docker, a
browser or Ruby (`make e2e`), except the names of the protocol's texts.
"""

from collections.abc import Iterator, Mapping
from inspect import isclass
from itertools import product
from pathlib import Path

from provisioner.sandbox import Request, Response
from tests.commands import test_queue
from tests.invariants import Invariant
from tests.invariants.faults import kills, matrix, test_window
from tests.invariants.faults.matrix import DECISIVE, FAULTS
from tests.invariants.faults.scenarios import SCENARIOS
from tests.invariants.faults.test_witness import SABOTAGES
from tests.invariants.interleavings.meeting import SAMPLED
from tests.invariants.interleavings.pairs import PAIRS
from tests.invariants.model import test_likeness, test_model
from tests.invariants.model.explorer import ORDERS
from tests.invariants.model.model import CHECKED
from tests.servers import test_github
from tests.servers.github_description import Description

SETS = {tuple(FAULTS): "every kind", DECISIVE: "decisive kinds"}


def main() -> None:
    """Print all lines, sorted by their code points, as `LC_ALL=C sort` does."""
    print(*sorted({*invariants(), *faults(), *runs(), *model(), *github()}), sep="\n")


def invariants() -> Iterator[str]:
    """What must hold, what is known to be noticed, and which runs are kept to the letter."""
    yield from (f"invariant | {one} | {one.value}" for one in Invariant)
    yield from (f"invariant, sabotage that faults notice | {name}" for name in SABOTAGES)
    yield from (f"invariant, checked by the model | {one}" for one in CHECKED)
    kept = Path(__file__).parents[1].glob("*/protocol/*.txt")
    yield from (f"protocol | {path.stem}" for path in kept)


def faults() -> Iterator[str]:
    """Which faults, pairs of faults and signals strike at each request of which scenario."""
    for kinds, title in SETS.items():
        yield from (f"fault, {title} | {fault}" for fault in kinds)
    for scenario in SCENARIOS:
        title = SETS[tuple(matrix.faults(scenario))]
        yield f"fault | {scenario.name} | {scenario.personality} | {title}"
    yield from (f"fault, claim | {claim}" for claim in claims(vars(test_window)))
    yield f"fault, two | at most {matrix.MOST_PAIRS} pairs of each kind in a scenario"
    for first, second in product(matrix.SURVIVED, matrix.SECOND):
        yield f"fault, two in one run, kinds | {first} | {second}"
    for first, second in product(matrix.CUTTING, DECISIVE):
        yield f"fault, two in two runs, kinds | {first} | {second}"
    for kind, scenario in product(matrix.KINDS, matrix.PAIRED):
        yield f"fault, two {kind} | {scenario.name} | {scenario.personality}"
    asked = ("GET /", "PUT /") * len(kills.TAKEN)
    some = (*kills.kills(asked), *kills.interruptions(asked, every=True))
    for scenario, kill in product(kills.KILLED, some):
        yield f"signal | {scenario.name} | {kill.signal.name} | {kill.moment}"


def runs() -> Iterator[str]:
    """Which two runs meet, and what that may cost; and which runs come too late."""
    yield f"runs, two | `make faults` plays one of {SAMPLED} ways to take turns"
    for pair in PAIRS:
        yield f"runs, two | {pair}"
        yield from (f"runs, two, may cost in the window | {pair} | {it}" for it in pair.window)
        yield from (f"runs, two, may cost anyway | {pair} | {it}" for it in pair.anyway)
    yield from (f"runs, late | {claim}" for claim in claims(vars(test_queue)))
    yield from (f"runs, late | sleeps while others go on | {it}" for it in test_queue.SLEEPERS)


def model() -> Iterator[str]:
    """The orders of steps, the worlds in which they are tried, and what is claimed of them."""
    yield from (f"model, order | {name} | {', '.join(steps)}" for name, steps in ORDERS.items())
    yield from (f"model, worlds | {rules}" for rules in test_model.RULES)
    for module in (test_model, test_likeness):
        yield from (f"model | {claim}" for claim in claims(vars(module)))


def github() -> set[str]:
    """Which requests and answers are held against GitHub's description: the tests are run."""
    description, found = Description.load(), set()

    def note(request: Request, response: Response) -> None:
        operation = description.operation(request.method, request.path)
        found.add(f"contract | {operation.name} | {response.status}")

    octo = test_github.Octo()
    octo.github.observers.append(note)
    test_github.test_every_endpoint_answers_as_described(octo)
    return found


def claims(members: Mapping[str, object]) -> Iterator[str]:
    """The names of the tests in a module or in a class."""
    for name, member in members.items():
        if name.startswith("test_"):
            yield name.removeprefix("test_").replace("_", " ")
        elif name.startswith("Test") and isclass(member):
            title = name.removeprefix("Test")
            yield from (f"{title} | {claim}" for claim in claims(vars(member)))


if __name__ == "__main__":
    main()
