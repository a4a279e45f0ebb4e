"""A summary as GitHub shows it: rendered by GitHub's own parser of Markdown."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm  # type: ignore[import-untyped]
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]

VOID = {"br", "hr", "img", "input"}
TO_GITHUB = re.compile(r"(?<![\w/])@\w|#\d|\bGH-\d")
"""What GitHub makes a mention or a link of, where it stands outside of code and links."""


def render(markdown: str) -> str:
    """The HTML, with all that was written as HTML: what GitHub takes out of it is not relied on."""
    html: str = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
    return html


@dataclass
class Element:
    """An element, with its own words and those of what is in it."""

    tag: str
    attributes: dict[str, str]
    inside: tuple[str, ...]
    """The tags around it, outermost first."""
    words: str = ""


@dataclass
class Page(HTMLParser):
    """What stands on the page."""

    markdown: str
    elements: list[Element] = field(default_factory=list)
    text: str = ""
    """All words."""
    prose: str = ""
    """The words outside of code and links: here GitHub looks for mentions and numbers of issues."""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[Element] = []
        self.feed(render(self.markdown))
        self.close()

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    def words(self, *tags: str) -> list[str]:
        return [element.words.strip() for element in self.all(*tags)]

    @property
    def links(self) -> dict[str, str]:
        return {element.words: element.attributes.get("href", "") for element in self.all("a")}

    @property
    def skeleton(self) -> list[str]:
        """The tags in their order, without code: what text must not change."""
        return [element.tag for element in self.elements if element.tag != "code"]

    @property
    def table(self) -> dict[str, str]:
        """The first table's rows: what stands in the first cell, and in the second."""
        cells = self.words("th", "td")
        return dict(zip(cells[::2], cells[1::2], strict=True))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        inside = tuple(element.tag for element in self._open)
        self.elements.append(Element(tag, attributes, inside))
        if tag not in VOID:
            self._open.append(self.elements[-1])
        if tag == "br":
            self.handle_data("\n")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if not any(element.tag in {"code", "a"} for element in self._open):
            self.prose += data
        for element in self._open:
            element.words += data
