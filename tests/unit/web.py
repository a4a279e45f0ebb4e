"""A web of scripted answers, in place of the network."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import httpx

from provisioner.http import Http

NOW = 1_800_000_000.0


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def say(value: object, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"} | named)


def page(status: int = 200) -> Reply:
    """An HTML page, as a front end or a proxy sends it."""
    body = b"<!DOCTYPE html><title>Hello</title><p>error"
    return Reply(status, body, {"Content-Type": "text/html; charset=utf-8"})


def redirect(location: str, status: int = 302) -> Reply:
    """An answer that sends the client elsewhere."""
    return Reply(status, b"", {"Location": location})


LOST = httpx.RemoteProtocolError("The server closed the connection.")
UNREACHABLE = httpx.ConnectError("There is nobody.")
Scripted = Reply | httpx.TransportError
Script = Mapping[str, Scripted | Sequence[Scripted]]


class Web:
    """Answers each `METHOD URL` in turn, the last answer again and again.

    Another path of a host that has answers is missing; another host can't be reached.
    """

    def __init__(self, script: Script) -> None:
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self.http = Http(
            sleep=self.waits.append, clock=lambda: NOW, transport=httpx.MockTransport(self._answer)
        )
        self._script = {
            asked: [replies] if isinstance(replies, Scripted) else list(replies)
            for asked, replies in script.items()
        }

    @property
    def asked(self) -> list[str]:
        """The requests, as `METHOD URL`."""
        return [f"{request.method} {_url(request)}" for request in self.requests]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        replies = self._script.get(f"{request.method} {_url(request)}")
        if replies is None:
            hosts = {httpx.URL(asked.partition(" ")[2]).host for asked in self._script}
            replies = [Reply(404) if request.url.host in hosts else UNREACHABLE]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, Exception):
            raise reply
        stream = httpx.ByteStream(reply.body)
        return httpx.Response(reply.status, headers=reply.headers, stream=stream)


def form_of(request: httpx.Request) -> dict[str, str]:
    """The fields of a form, each once."""
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    pairs = parse_qsl(request.content.decode("ascii"), keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def _url(request: httpx.Request) -> str:
    """The address without its query."""
    return str(request.url.copy_with(query=None))
