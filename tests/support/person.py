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

_MOST_PAGES = 5
_TIMEOUT_SECONDS = 10.0
_YES = ("Authorize", "Allow", "Approve")
_CODE = re.compile(r"[A-Za-z0-9_-]{40,}")


class PersonStuckError(Exception):
    """The person does not know how to go on; the message is what the page said."""


@dataclass
class Form:
    """A form on a page: where it leads, what it would send, its buttons' and its other words.

    `choices` are the values of its menus by their words, `labels` what is written at its fields.
    """

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    choices: dict[str, dict[str, str]] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)
    words: str = ""

    def named(self, kind: str) -> str | None:
        """Return the name of the first field of a kind, as `password`."""
        return next((name for name, one in self.kinds.items() if one == kind), None)


class Page(HTMLParser):
    """What a person sees of a page: its forms, read-only boxes and text."""

    def __init__(self, html: str) -> None:
        """Read the page."""
        super().__init__()
        self.forms: list[Form] = []
        self.boxes: list[str] = []
        self._inside: Form | None = None
        self._button = False
        self._hidden = False
        self._words: list[str] = []
        self._label = ""
        self._labels: dict[str, str] = {}
        self._select = ""
        self._option: str | None = None
        self.feed(html)

    @property
    def text(self) -> str:
        """The page's words in one line."""
        return " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of forms, fields and buttons."""
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "form":
                self._inside = Form(given.get("action", ""), given.get("method", "get").lower())
                self.forms.append(self._inside)
            case "input":
                self._input(given)
            case "button" if self._inside is not None:
                self._button = True
                self._inside.buttons.append("")
            case "label":
                self._label = given.get("for", "")
            case "select" if self._inside is not None:
                self._select = given.get("name", "")
                self._inside.choices[self._select] = {}
            case "option":
                self._option = given.get("value", "")
            case "style" | "script" | "title":
                self._hidden = True
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        """Take note of where forms and buttons end."""
        match tag:
            case "form":
                self._inside = None
            case "button":
                self._button = False
            case "label":
                self._label = ""
            case "option":
                self._option = None
            case "style" | "script" | "title":
                self._hidden = False
            case _:
                pass

    def handle_data(self, data: str) -> None:
        """Collect the words that a person reads."""
        if self._button and self._inside is not None:
            self._inside.buttons[-1] += data.strip()
        elif self._option is not None and self._inside is not None:
            self._inside.choices[self._select][data.strip()] = self._option
        elif not self._hidden:
            self._words.append(data)
            if self._label:
                self._labels[self._label] = data.strip()
            if self._inside is not None:
                self._inside.words += data

    def _input(self, given: dict[str, str]) -> None:
        kind = given.get("type", "text").lower()
        if "readonly" in given:
            self.boxes.append(given.get("value", ""))
        elif self._inside is not None and kind == "submit":
            self._inside.buttons.append(given.get("value", ""))
        elif self._inside is not None and given.get("name"):
            self._inside.fields[given["name"]] = given.get("value", "")
            self._inside.kinds[given["name"]] = kind
            self._inside.labels[given["name"]] = self._labels.get(given.get("id", ""), "")


class Person:
    """Somebody with an account on the instance and one browser, whose cookies stay.

    `username` may be the e-mail address; else that is the one that the sandbox gives out.
    `identity` is the name to choose where a server lets one person have many.
    """

    def __init__(
        self,
        username: str,
        password: str,
        transport: httpx.BaseTransport | None = None,
        identity: str = "",
    ) -> None:
        """Start with a fresh browser; `transport` stands in for the network."""
        self._identity = identity or username.partition("@")[0]
        self._email = username if "@" in username else f"{username}@example.org"
        self._password = password
        self._browser = httpx.Client(
            transport=transport,
            follow_redirects=True,
            trust_env=False,
            # Trusts nobody: loopback is plain HTTP, and to load the authorities takes time.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            timeout=_TIMEOUT_SECONDS,
            headers={"User-Agent": "Mozilla/5.0", "Accept": "text/html,*/*;q=0.8"},
            event_hooks={"response": [_require_an_address]},
        )

    def approve(self, link: str) -> str:
        """Open the link, sign in if asked, press *Authorize* or *Allow*, and return the code.

        `PersonStuckError` where a page offers no way on.
        """
        answer = self._open(link)
        page = Page(answer.text)
        form = _with_button(page, *_YES)
        if form is not None:
            self._choose(form)
            answer = self._submit(answer, form)
            page = Page(answer.text)
        return _code(answer, page)

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

    def close(self) -> None:
        """Close the browser."""
        self._browser.close()

    def __enter__(self) -> Self:
        """Return the person, ready to go."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the browser."""
        self.close()

    def _open(self, link: str) -> httpx.Response:
        answer = self._browser.get(link)
        page = Page(answer.text)
        form = next((one for one in page.forms if one.named("password")), None)
        if form is None:
            return answer
        for name, kind in form.kinds.items():
            if kind == "text":
                form.fields[name] = self._email
            elif kind == "password":
                form.fields[name] = self._password
        answer = self._submit(answer, form)
        page = Page(answer.text)
        if any(one.named("password") for one in page.forms):
            raise PersonStuckError(page.text)
        return answer

    def _choose(self, form: Form) -> None:
        """Choose oneself where a list asks who; else leave the first choice."""
        for name, choices in form.choices.items():
            named = [words for words in choices if words.startswith(f"{self._identity}@")]
            form.fields[name] = choices[(named or list(choices))[0]]

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


def _with_button(page: Page, *words: str) -> Form | None:
    return next((form for form in page.forms if set(words) & set(form.buttons)), None)


def _code(answer: httpx.Response, page: Page) -> str:
    """Read the code off the page, or off the address bar after a redirect to an application.

    On a page it stands in a box, or it is the one long word without a meaning.
    """
    if page.boxes:
        return page.boxes[0]
    found = parse_qs(urlsplit(str(answer.url)).query).get("code", [])
    if not answer.is_error:
        found += _CODE.findall(page.text)
    if not found:
        raise PersonStuckError(page.text or f"an empty page ({answer.status_code})")
    return found[0]
