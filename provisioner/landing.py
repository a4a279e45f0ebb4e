"""The page on which the browser lands: what became of the approval, and what to do next.

It is whole in itself: no script, no picture, nothing is loaded. Everything put in is escaped.
"""

import base64
import hashlib
from html import escape

from provisioner.report import Next, Open, ProvisionerError, Report

STYLE = """
:root { color-scheme: light dark; --ink: #1c1b22; --paper: #fff; --line: #d5d4dd; --good: #17683a }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceaf4; --paper: #17161d; --line: #3d3b4a; --good: #7bd89f }
}
body { margin: 0; padding: 3rem 1rem; color: var(--ink); background: var(--paper);
  font: 1.05rem/1.5 system-ui, sans-serif }
main { max-width: 36rem; margin: auto; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; line-height: 1.25 }
.good { color: var(--good) }
a { color: inherit }
dl { border-top: 1px solid var(--line) }
dt { padding-top: .6rem; font-size: .875rem }
dd { margin: 0; padding-bottom: .6rem; border-bottom: 1px solid var(--line) }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def outcome(ended: Report | ProvisionerError) -> str:
    """How the run ended: what was written where; or what went wrong, and what to do."""
    if isinstance(ended, Report):
        table = ended.table.items()
        rows = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in table)
        items = "".join(f"<li>{escape(item.text)}{_steps(item.next)}</li>" for item in ended.items)
        body = f"<dl>{rows}</dl>{f'<ul>{items}</ul>' if items else ''}"
        closing = "<p>You can close this tab. The terminal says the same.</p>"
        return _page(f"✓ {ended.headline}", body + closing, good=True)
    why = f"<p>{escape(ended.why)}</p>" if ended.why else ""
    closing = "<p>You can close this tab. The terminal says how to go on.</p>"
    return _page(ended.what, why + _steps(ended.next) + closing)


def notice(title: str, *sentences: str) -> str:
    """A page with a heading and some sentences."""
    return _page(title, "".join(f"<p>{escape(one)}</p>" for one in sentences))


def _steps(steps: Next) -> str:
    """What to do, as far as that is done in a browser: commands stand in the terminal."""
    shown = ""
    for step in steps:
        if isinstance(step, Open):
            page, purpose = escape(step.url), escape(step.purpose)
            shown += f'<li>Open <a href="{page}">{page}</a>{purpose}.</li>'
        elif isinstance(step, str) and not step.endswith(":"):  # those lead to a command
            shown += f"<li>{escape(step)}</li>"
    return f"<ul>{shown}</ul>" if shown else ""


def _page(title: str, body: str, *, good: bool = False) -> str:
    kind = ' class="good"' if good else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'  # else the browser asks for one
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1{kind}>{escape(title)}</h1>{body}</main></body></html>"
    )
