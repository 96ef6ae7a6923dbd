"""What a seller wrote as HTML, as the plain text that a person would see."""

from __future__ import annotations

import html
import re

from runbooks.sources import loose_json as loose

#: Characters of HTML that are read; eBay takes half a million.
LONGEST_HTML = 500_000
LONGEST_TEXT = 20_000

_BLOCKS = frozenset(
    {"address", "article", "blockquote", "br", "center", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6"}
    | {"hr", "li", "ol", "p", "pre", "section", "table", "tbody", "tr", "ul"}
)
_CELLS = frozenset({"td", "th"})
#: Their content is no text of the page.
_RAW = frozenset({"iframe", "noscript", "script", "style", "template", "textarea", "title"})
#: Each alternative ends at the next "<" at the latest, so that no text, however hostile, is read twice. A tree is not needed, and
#: building one (html.parser, html5ever) takes quadratic time for markup that is made for it.
_TOKEN = re.compile(r"<!--|</?([a-z][a-z0-9]{0,15})(?![a-z0-9])[^<>]*>|<[!?/][^<>]*>", re.I | re.A)


def plain_text(markup: str) -> str:
    """Return the text of a piece of HTML with its line breaks; text without markup keeps its own."""
    markup = markup[:LONGEST_HTML]
    if not _TOKEN.search(markup):
        return loose.lines(html.unescape(markup), LONGEST_TEXT)
    return loose.lines("".join(_pieces(markup)), LONGEST_TEXT)


def _pieces(markup: str) -> list[str]:
    pieces, end = [], 0
    while token := _TOKEN.search(markup, end):
        pieces.append(_shown(markup[end : token.start()]))
        end = token.end()
        name = (token[1] or "").lower()
        closing = "-->" if token[0] == "<!--" else f"</{name}" if name in _RAW and token[0][1] != "/" else ""
        if closing:
            closed = re.compile(closing, re.I | re.A).search(markup, end)
            if not closed:  # a browser shows nothing after it either
                return pieces
            end = closed.end() if closing == "-->" else closed.start()
        elif name in _BLOCKS:
            pieces.append("\n")
        elif name in _CELLS:
            pieces.append(" ")
    return [*pieces, _shown(markup[end:])]


def _shown(text: str) -> str:
    """Return a run of text as it is shown: its line ends are spaces."""
    return html.unescape(text).replace("\n", " ").replace("\r", " ")
