"""The desk's home page: panels that each app adds, shown above the list of tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Panel:
    """Hold one part of the home page: a template, and a function that looks up what it shows."""

    title: str
    template: str
    look: Callable[[HttpRequest], dict[str, Any]]
    #: "app.codename" that a person needs to see it.
    permission: str
    #: Panels stand in ascending order.
    place: int = 50


_panels: list[Panel] = []


def add_panel(panel: Panel) -> None:
    """Show a panel on the home page; adding it twice is harmless."""
    if panel not in _panels:
        _panels.append(panel)
        _panels.sort(key=lambda one: one.place)


def panels_for(request: HttpRequest) -> list[tuple[Panel, dict[str, Any]]]:
    """Return the panels that this person may see, each with what it shows now."""
    return [(panel, panel.look(request)) for panel in _panels if request.user.has_perm(panel.permission)]
