"""The tables' indexes are used by the queries they are there for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection

from bookops.runs import State
from enrichment.models import ImportRow, ImportRowQuerySet

pytestmark = pytest.mark.django_db


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite takes no partial index for a value that is bound")
@pytest.mark.parametrize(
    "asked",
    [lambda dead: dead.order_by().values("pk"), lambda dead: dead.order_by("-id")[:50]],
    ids=["counted for Prometheus", "listed newest first"],
)
def test_dead_letters_are_found_without_reading_every_row(asked: Callable[[ImportRowQuerySet], ImportRowQuerySet]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # so small a table is read as a whole otherwise
    plan = asked(ImportRow.objects.filter(state=State.DEAD)).explain()
    assert "rows_dead" in plan and "Sort" not in plan
