"""What other apps offer to do with the rows that staff have chosen in a list of the desk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class ListAction:
    """Name what a person may do with chosen rows; `act` returns the page that follows, None for the list again."""

    name: str
    label: str
    act: Callable[[HttpRequest, QuerySet[Any]], HttpResponse | None]
    #: "app.codename"
    permission: str


_actions: dict[str, dict[str, ListAction]] = defaultdict(dict)


def add_list_action(rows: str, action: ListAction) -> None:
    """Offer an action in the list of "book" or "runbook"; adding it again is harmless."""
    _actions[rows][action.name] = action


def list_actions(rows: str, request: HttpRequest) -> dict[str, tuple[Any, str, str]]:
    """Return what the list of these rows offers this person, as `ModelAdmin.get_actions` does."""
    return {
        action.name: (_pressed(action), action.name, action.label)
        for action in _actions[rows].values()
        if request.user.has_perm(action.permission)
    }


def _pressed(action: ListAction) -> Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]:
    return lambda model_admin, request, rows: action.act(request, rows)
