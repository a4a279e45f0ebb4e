"""What a plain text becomes on the servers whose posts the client looks through.

After internal/text of GoToSocial, lib/pleroma/formatter.ex and common_api/utils.ex of Pleroma, and
core/html.py of Takahē, at the commits that `behaviour.py` names. Emoji and languages are left out,
and so are mentions of other servers' accounts: nobody is there to be found.
"""

import html
import re
from collections.abc import Callable, Container
from dataclasses import dataclass

from provisioner.sandbox.store import Store

_ENTITY = re.compile(
    r"(?P<url>(?P<prefix>https?://(?:www\.)?)(?P<rest>[^\s<>\"]*[\w/]))"
    r"|(?<![\w@/])@(?P<name>\w+)(?:@(?P<domain>\w[\w.:-]*\w))?"
    r"|(?<![\w&/])#(?P<tag>\w+)"
)
_SHOWN = 30
"""Characters of a link that Takahē shows; the rest is there, and hidden."""


@dataclass(frozen=True)
class Place:
    """Where a text is written: the server's origin, its accounts' names and their domain."""

    origin: str
    domain: str
    names: Container[str]

    def knows(self, name: str, domain: str | None) -> bool:
        """Whether that is an account here."""
        return domain in (None, self.domain) and name.lower() in self.names


def place(store: Store) -> Place:
    """Where a server's posts are written."""
    names = {one.username.lower() for one in store.accounts}
    return Place(store.origin, store.domain, names)


@dataclass(frozen=True)
class Html:
    """How one server writes: what it escapes, what stands around lines, links, names and tags."""

    escape: Callable[[str], str]
    lines: Callable[[str], str]
    link: Callable[[str, str], str]
    """Of what a link begins with, and of the rest; both are escaped."""
    mention: str
    tag: str

    def __call__(self, place: Place, text: str) -> str:
        """Write the text as this server does."""
        text = text.replace("\r\n", "\n").strip()
        parts, done = [], 0
        for found in _ENTITY.finditer(text):
            parts += [self.escape(text[done : found.start()]), self._entity(place, found)]
            done = found.end()
        return self.lines("".join([*parts, self.escape(text[done:])]))

    def _entity(self, place: Place, found: re.Match[str]) -> str:
        if found["url"]:
            return self.link(self.escape(found["prefix"]), self.escape(found["rest"]))
        if found["tag"]:
            small = found["tag"].lower()
            return self.tag.format(origin=place.origin, small=small, tag=found["tag"])
        if not place.knows(found["name"], found["domain"]):
            return found[0]
        return self.mention.format(origin=place.origin, name=found["name"])


def _rails_escape(text: str) -> str:
    return html.escape(text).replace("&#x27;", "&#39;")


def _in_text(text: str) -> str:
    """Escape what would be read as a tag or an entity (GoToSocial minifies)."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _paragraphs(line_break: str) -> Callable[[str], str]:
    def write(text: str) -> str:
        return "".join(
            f"<p>{paragraph.replace(chr(10), line_break)}</p>"
            for paragraph in re.split(r"\n{2,}", text)
        )

    return write


def _one_paragraph(text: str) -> str:
    text = re.sub(" +", " ", text)
    return f"<p>{text.replace(chr(10), '<br>')}</p>"


def _no_paragraph(text: str) -> str:
    return text.replace("\n", "<br>")


def _takahe_link(prefix: str, rest: str) -> str:
    scheme, url = f"{prefix.partition('//')[0]}//", f"{prefix}{rest}"
    rest = url.removeprefix(scheme)
    if len(rest) <= _SHOWN:
        return f'<a href="{url}" rel="nofollow"><span class="invisible">{scheme}</span>{rest}</a>'
    return (
        f'<a href="{url}" rel="nofollow" class="ellipsis" title="{rest}">'
        f'<span class="invisible">{scheme}</span><span class="ellipsis">{rest[:_SHOWN]}</span>'
        f'<span class="invisible">{rest[_SHOWN:]}</span></a>'
    )


GOTOSOCIAL = Html(
    escape=_in_text,
    lines=_one_paragraph,
    link=lambda prefix, rest: (
        f'<a href="{prefix}{rest}" rel="nofollow noreferrer noopener" target="_blank">'
        f"{prefix}{rest}</a>"
    ),
    mention='<span class="h-card"><a href="{origin}/@{name}" class="u-url mention" '
    'rel="nofollow noreferrer noopener" target="_blank">@<span>{name}</span></a></span>',
    tag='<a href="{origin}/tags/{small}" class="mention hashtag" rel="tag nofollow noreferrer '
    'noopener" target="_blank">#<span>{tag}</span></a>',
)

PLEROMA = Html(
    escape=_rails_escape,
    lines=_no_paragraph,
    link=lambda prefix, rest: f'<a href="{prefix}{rest}" rel="ugc">{prefix}{rest}</a>',
    mention='<span class="h-card"><a class="u-url mention" href="{origin}/users/{name}" rel="ugc">'
    "@<span>{name}</span></a></span>",
    tag='<a class="hashtag" data-tag="{small}" href="{origin}/tag/{small}" rel="tag ugc">#{tag}'
    "</a>",
)

TAKAHE = Html(
    escape=html.escape,
    lines=_paragraphs("<br>"),
    link=_takahe_link,
    mention='<span class="h-card"><a href="{origin}/@{name}/" class="u-url mention" '
    'rel="nofollow noopener noreferrer" target="_blank">@<span>{name}</span></a></span>',
    tag='<a href="{origin}/tags/{small}/" class="mention hashtag" rel="tag">#{tag}</a>',
)
