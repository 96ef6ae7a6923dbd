"""What the page of a runbook shows, without the page."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from runbooks.admin.runbook_page import shown_of
from tests.runbooks.evaluated import make_runbook

pytestmark = pytest.mark.django_db


def shown(**changes: Any) -> dict[str, Any]:
    runbook = make_runbook()
    for name, value in changes.items():
        setattr(runbook, name, value)
    return shown_of(runbook, QueryDict())


@pytest.mark.parametrize(("points", "colour"), [(0, "red"), (59, "red"), (60, "amber"), (79, "amber"), (80, "green"), (120, "green")])
def test_a_score_bar_is_green_from_the_points_that_say_acquire(points: int, colour: str):
    assert shown(total_score=points)["legacy_colour"] == colour
    assert shown(combined_score=points)["score_colour"] == colour
