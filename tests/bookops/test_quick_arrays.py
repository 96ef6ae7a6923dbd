"""Arrays reach PostgreSQL as they are, whatever stands in them."""

import datetime
import decimal
import json
import uuid

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

NO_NUL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
MOMENT = datetime.datetime(1066, 10, 14, 9, 0, tzinfo=datetime.UTC)


def came_back(values: list, kind: str) -> list:
    sql = f"SELECT given FROM unnest(%s::{kind}[]) WITH ORDINALITY AS rows(given, number) ORDER BY number"  # noqa: S608 - a type of ours
    with connection.cursor() as cursor:
        cursor.execute(sql, [values])
        return [given for (given,) in cursor.fetchall()]


@given(st.lists(st.none() | NO_NUL | st.sampled_from(["NULL", "", '"', "\\", "{}", "a,b", "\n"])))
def test_texts_come_back(values):
    assert came_back(values, "text") == values


@given(st.lists(st.dictionaries(NO_NUL, NO_NUL | st.integers(-(10**9), 10**9))))
def test_documents_come_back(values):
    assert [json.loads(one) for one in came_back([json.dumps(value) for value in values], "jsonb")] == values


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", [1, -1, None, 2**62]),
        ("boolean", [True, None, False]),
        ("numeric", [decimal.Decimal("1.10"), None]),
        ("timestamptz", [MOMENT, None]),
        ("uuid", [uuid.UUID(int=7), None]),
        ("double precision", [0.1, None, float("inf")]),
        ("text", [None, None]),
        ("text", []),
    ],
)
def test_values_of_every_kind_come_back(kind, values):
    assert came_back(values, kind) == values


def test_a_list_of_lists_stays_one():
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text[]", [[["a", '"'], [None, "\\"]]])
        assert cursor.fetchone() == ([["a", '"'], [None, "\\"]],)
