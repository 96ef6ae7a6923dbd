"""The series that readers' services write into a title: `Mort (Discworld, #4; Death, #1)`."""

from __future__ import annotations

from .entry import Series

_MOST_GROUPS = 4


def split_title(title: str) -> tuple[str, tuple[Series, ...]]:
    """Return the title without its series, and the series in the order written.

    Only trailing parentheses with a numbered member are a series: "(Ukrainian Edition)" and "(Imperial Radch)" stay in the title.
    """
    if "#" not in title:
        return title, ()
    for start, end in _trailing_parentheses(title):
        series = _members(title[start + 1 : end - 1])
        clean = f"{title[:start].rstrip()} {title[end:].lstrip()}".strip()
        if series and clean:
            # "The Chronicles of Narnia (#1-7)" numbers a series without naming it.
            return clean, tuple(member for member in series if member.name)
    return title, ()


def _trailing_parentheses(title: str) -> list[tuple[int, int]]:
    """Return where the balanced parentheses at the end of the title start and end, last first."""
    groups: list[tuple[int, int]] = []
    end = len(title)
    while len(groups) < _MOST_GROUPS and title[:end].endswith(")"):
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


def _members(text: str) -> tuple[Series, ...]:
    """Return the numbered series in "Discworld, #7; Death, #2", "Dune #4" of older rows, "#1-3", "#1.1, 1.2", "#4, Part 2"."""
    series = []
    for member in text.split(";"):
        name, _, position = member.partition("#")
        # "C# in Depth" has a hash too, but no number behind it.
        if position[:1].isdigit() and "#" not in position:
            series.append(Series(name.rstrip(", ").lstrip(), position.rstrip()))
    return tuple(series)
