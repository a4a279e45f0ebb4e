"""A person with a browser: reads pages, fills in forms, presses buttons, copies the code.

It knows an instance by its pages alone, so what works for it works in a browser.
"""

import re
import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

_TIMEOUT_SECONDS = 10.0
_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Loopback is plain HTTP, and to load the authorities takes time."""
_YES = {"Authorize", "Allow", "Approve"}
_CODE = re.compile(r"[A-Za-z0-9_-]{40,}")


class PersonStuckError(Exception):
    """The person does not know how to go on; the message is what the page said."""


@dataclass
class Form:
    """A form on a page: where it leads, what it would send, its buttons' and its other words."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    """What kind of field each is, as `password`."""
    choices: dict[str, dict[str, str]] = field(default_factory=dict)
    """The values of its menus by their words."""
    buttons: list[str] = field(default_factory=list)
    words: str = ""


class Page(HTMLParser):
    """What a person sees of a page: its forms, read-only boxes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.boxes: list[str] = []
        self._inside: Form | None = None
        self._tag = ""
        self._value = ""
        self._words: list[str] = []
        self.feed(html)

    @property
    def text(self) -> str:
        """The page's words in one line."""
        return " ".join(" ".join(self._words).split())

    @property
    def sign_in(self) -> Form | None:
        """The form that wants a password."""
        return next((one for one in self.forms if "password" in one.kinds.values()), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag in {"button", "option", "style", "script", "title"}:
            self._tag, self._value = tag, value
        if tag == "form":
            self._inside = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._inside)
        elif tag == "input" and "readonly" in given:
            self.boxes.append(value)
        elif self._inside is None:
            return
        elif tag == "button":
            self._inside.buttons.append("")
        elif tag == "select":
            self._inside.choices[name] = {}
        elif tag == "input" and given.get("type") == "submit":
            self._inside.buttons.append(value)
        elif tag == "input" and name:
            self._inside.fields[name] = value
            self._inside.kinds[name] = given.get("type", "text").lower()

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None
        if tag == self._tag:
            self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._inside and self._tag == "button":
            self._inside.buttons[-1] += data.strip()
        elif self._inside and self._tag == "option":
            *_, menu = self._inside.choices.values()
            menu[data.strip()] = self._value
        elif not self._tag:
            self._words.append(data)
            if self._inside:
                self._inside.words += data


class Person:
    """Somebody with an account on the instance and one browser, whose cookies stay.

    `username` may be the e-mail address; else that is the one that the sandbox gives out.
    Where a server lets one person have many identities, the one of that name is chosen.
    """

    def __init__(
        self, username: str, password: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Start with a fresh browser; `transport` stands in for the network."""
        self._identity = username.partition("@")[0]
        self._email = username if "@" in username else f"{username}@example.org"
        self._password = password
        self._browser = httpx.Client(
            transport=transport,
            follow_redirects=True,
            trust_env=False,
            verify=_TRUSTS_NOBODY,
            timeout=_TIMEOUT_SECONDS,
            headers={"User-Agent": "Mozilla/5.0", "Accept": "text/html,*/*;q=0.8"},
            event_hooks={"response": [_require_an_address]},
        )

    def approve(self, link: str) -> str:
        """Open the link, sign in if asked, press *Authorize* or *Allow*, and return the code.

        On the last page it stands in a box, or in the address, or it is the one long word without
        a meaning. `PersonStuckError` where a page offers no way on.
        """
        answer = self._open(link)
        form = next((one for one in Page(answer.text).forms if _YES & set(one.buttons)), None)
        if form is not None:
            for name, choices in form.choices.items():  # oneself, where a list asks who
                named = [words for words in choices if words.startswith(f"{self._identity}@")]
                form.fields[name] = choices[(named or list(choices))[0]]
            answer = self._submit(answer, form)
        page = Page(answer.text)
        found = page.boxes or parse_qs(urlsplit(str(answer.url)).query).get("code", [])
        found = found or ([] if answer.is_error else _CODE.findall(page.text))
        if not found:
            raise PersonStuckError(page.text or f"an empty page ({answer.status_code})")
        return found[0]

    def remove(self, origin: str, which: str, page: str = "/oauth/authorized_applications") -> str:
        """Press *Revoke* beside the one authorized application whose entry contains `which`.

        `page` is where the server lists them (`Server.applications_page`).
        That may be its name, or the time where others bear the same name. Returns the words of the
        page after it; `PersonStuckError` where not exactly one entry contains them.
        """
        answer = self._open(f"{origin}{page}")
        listed = Page(answer.text)
        forms = [one for one in listed.forms if "Revoke" in one.buttons and which in one.words]
        if len(forms) != 1:
            raise PersonStuckError(listed.text)
        return Page(self._submit(answer, forms[0]).text).text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close()

    def _open(self, link: str) -> httpx.Response:
        answer = self._browser.get(link)
        form = Page(answer.text).sign_in
        if form is None:
            return answer
        typed = {"text": self._email, "password": self._password}
        form.fields |= {name: typed[kind] for name, kind in form.kinds.items() if kind in typed}
        answer = self._submit(answer, form)
        page = Page(answer.text)
        if page.sign_in:
            raise PersonStuckError(page.text)
        return answer

    def _submit(self, answer: httpx.Response, form: Form) -> httpx.Response:
        url = urljoin(str(answer.url), form.action)
        if form.method == "post":
            return self._browser.post(url, data=form.fields)
        return self._browser.get(url, params=form.fields)


def _require_an_address(answer: httpx.Response) -> None:
    """Stop where a browser does: at a redirect to what is no address of a page."""
    location = answer.headers.get("Location", "")
    if urlsplit(location).scheme not in ("", "http", "https"):
        raise PersonStuckError(f"the browser can't open {location}")
