"""The account of a run: a table of promises for people, the same in Markdown for a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.verdict import Line


@dataclass(frozen=True)
class Section:
    """Hold what one storm or scenario did and found."""

    name: str
    shows: str
    seconds: float
    facts: Mapping[str, Any]
    lines: Sequence[Line]

    @property
    def holds(self) -> bool:
        return all(line.holds for line in self.lines)


def plain(section: Section) -> Iterator[str]:
    """Yield the lines of a section for a terminal."""
    yield f"\n{section.name}: {section.shows} ({section.seconds:.0f} s)"
    for name, fact in section.facts.items():
        yield f"    {name}: {_told(fact)}"
    for line in section.lines:
        yield f"  {'ok ' if line.holds else 'RED'} {line.name}: {line.found} ({line.bound}){': ' + line.detail if line.detail else ''}"


def markdown(sections: Sequence[Section], heading: str) -> Iterator[str]:
    """Yield the lines of a file with all sections."""
    yield f"# {heading}\n"
    for section in sections:
        yield f"## {section.name}\n\n{section.shows[:1].upper()}{section.shows[1:]}; {section.seconds:.0f} s.\n"
        for name, fact in section.facts.items():
            yield f"- {name}: {_told(fact)}"
        yield "\n| promise | bound | found | |\n|---|---|---|---|"
        for line in section.lines:
            yield f"| {line.name} | {line.bound} | {line.found} | {'holds' if line.holds else '**red** ' + line.detail} |"
        yield ""


def _told(fact: Any) -> str:
    if isinstance(fact, Mapping):
        return ", ".join(f"{name} {count}" for name, count in fact.items()) or "none"
    return str(fact)
