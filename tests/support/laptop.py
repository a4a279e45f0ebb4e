"""A person at their own machine, for `setup`: approves in the browser, pastes, or says no."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from provisioner.commands.setup import Redirect
from provisioner.report import InputError, ProvisionerError, Report
from provisioner.sandbox import Request, Response
from provisioner.secret import Secret

if TYPE_CHECKING:
    from tests.support.world import World

PORT = 43210
Answer = Callable[["Laptop"], Redirect | str | None]


def approves(laptop: "Laptop") -> Redirect:
    """Press Authorize in the browser, which comes back."""
    return Redirect(Secret(laptop.code()))


def pastes(laptop: "Laptop") -> str:
    """Press Authorize elsewhere, and paste the code that is shown."""
    return laptop.code()


def pastes_address(laptop: "Laptop") -> str:
    """Press Authorize elsewhere, and paste where the browser ended."""
    asked = laptop.asked
    return f" {asked['redirect_uri']}?code={laptop.code()}&state={asked['state']} "


@dataclass
class Laptop:
    """The stand-in for the real one: `answers` is what each wait gets, then nothing comes."""

    world: "World"
    answers: list[Answer] = field(default_factory=lambda: [approves])
    has_browser: bool = True
    is_attended: bool = True
    agrees_to: bool = True
    who: str = "mybot"
    taken: set[int] = field(default_factory=set)
    """Ports that another program listens on."""
    asked_about: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    landed: list[Report | ProvisionerError] = field(default_factory=list)
    listened: list[int] = field(default_factory=list)
    link: str = ""
    """The one that was shown last."""

    @property
    def asked(self) -> dict[str, str]:
        return {name: one[0] for name, one in parse_qs(urlsplit(self.link).query).items()}

    def code(self) -> str:
        return self.world.approve(self.link, self.who)

    def show(self, report: Report) -> None:
        self.world.shown.append(repr(report))
        self.link = report.link or self.link

    def agrees(self, question: str) -> bool:
        if not self.is_attended:
            raise InputError("not-confirmed", "Nobody is here.", next=("Look.",))
        self.asked_about.append(question)
        return self.agrees_to

    def confirm(self, what: str, word: str) -> None:
        self.asked_about.append(f"{what} {word}")
        if not self.agrees_to:
            raise InputError("not-confirmed", "Nothing was changed.", next=("Look.",))

    def listen(self, port: int) -> str:
        self.listened.append(port)
        port = port or PORT
        if port in self.taken:
            return ""
        # The page that the browser lands on: its address bar keeps the code.
        self.world.wire.hosts[f"127.0.0.1:{port}"] = _page
        return f"http://127.0.0.1:{port}/callback"

    def open(self, link: str) -> None:
        self.opened.append(link)
        assert self.link == link  # it is on the screen, if no browser opens

    def wait(self, state: str, origin: str) -> Redirect | str | None:
        assert origin == self.world.instance.origin
        assert state in {"", self.asked.get("state", state)}
        return self.answers.pop(0)(self) if self.answers else None

    def land(self, ended: Report | ProvisionerError) -> None:
        self.landed.append(ended)


def _page(_request: Request) -> Response:
    return Response(200, (("Content-Type", "text/html"),), b"<p>done</p>")
