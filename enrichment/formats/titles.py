"""The series that readers' services write into a title: `Mort (Discworld, #4; Death, #1)`."""

from __future__ import annotations

import re

from .entry import Series

# "Discworld, #4", "Dune #4" of older rows, "#1-3", "#1.1, 1.2", "#4, Part 2"; in "C# in Depth" no number follows, so it is none.
_MEMBER = re.compile(r"(?P<name>[^#]*?)[\s,]*#\s?(?P<position>[0-9][^#;]*?)\s*")
# A comma list may go on with the next series: "Discworld, #15, City Watch, #2".
_NEXT_MEMBER = re.compile(r"(?<=[0-9]),\s+(?=[^#;,0-9]*,?\s*#)")


def split_title(title: str) -> tuple[str, tuple[Series, ...]]:
    """Return the title without its series, and the series in the order written.

    Only trailing parentheses with a numbered member are a series: "(Ukrainian Edition)" and "(Imperial Radch)" stay in the title.
    """
    if "#" not in title:
        return title, ()
    for start, end in _trailing_parentheses(title):
        series = _members(title[start + 1 : end - 1])
        if series is None:
            continue
        clean = f"{title[:start].rstrip()} {title[end:].lstrip()}".strip()
        if clean:
            return clean, series
    return title, ()


def _trailing_parentheses(title: str) -> list[tuple[int, int]]:
    """Return where the balanced parentheses at the end of the title start and end, last first."""
    groups = []
    end = len(title)
    while end and title[end - 1] == ")":
        depth = 0
        for start in range(end - 1, -1, -1):
            depth += (title[start] == ")") - (title[start] == "(")
            if not depth:
                break
        else:
            break
        groups.append((start, end))
        end = len(title[:start].rstrip())
    return groups


def _members(text: str) -> tuple[Series, ...] | None:
    """Return the numbered series in the text, None when there is none."""
    found = [_MEMBER.fullmatch(part.strip()) for segment in text.split(";") for part in _NEXT_MEMBER.split(segment)]
    numbered = [match for match in found if match]
    if not numbered:
        return None
    return tuple(Series(match["name"].strip(), match["position"]) for match in numbered if match["name"].strip())
