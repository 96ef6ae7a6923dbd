"""Each reason code stands in one family and is explained in words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bookops.outbound.answers import Answer, error_of
from bookops.outbound.errors import TryAgain
from enrichment.reasons import CATEGORIES, UNREADABLE, WORDS, category_of, explain

ROOT = Path(__file__).parents[2]
#: Who can end an attempt at a row, or refuse a row of a file.
RAISING = [
    *(path for path in (ROOT / "bookops/outbound").glob("*.py") if not path.name.startswith("sdk")),
    ROOT / "bookops/runs.py",
    *(ROOT / "enrichment").glob("*.py"),
    *(ROOT / "enrichment/sources").glob("*.py"),
    *(ROOT / "enrichment/formats").glob("*.py"),
]
#: Functions and classes that take a code by position, and which one it is.
BY_POSITION = {"_translated": 0, "RowRefused": 1, "Record": 2}


def codes_in(path: Path) -> Iterator[str]:
    """Yield the reason codes that stand in a module: given by name, by position, or as a class's own."""
    for node in ast.walk(ast.parse(path.read_text())):
        told: list[ast.expr] = []
        if isinstance(node, ast.Call):
            told = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
            place = BY_POSITION.get(getattr(node.func, "id", ""))
            told += [] if place is None else node.args[place : place + 1]
        elif isinstance(node, ast.ClassDef):
            told = [one.value for one in node.body if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "reason"]
        for constant in (leaf for value in told for leaf in ast.walk(value) if isinstance(leaf, ast.Constant)):
            if isinstance(constant.value, str) and constant.value not in ("", "http_"):
                yield constant.value


def test_every_code_that_can_be_raised_is_sorted_and_no_other():
    raised = {code for path in RAISING for code in codes_in(path)}
    assert raised >= {"quota_pace", "connection_lost", "title_missing", "worker_lost", "unavailable"}
    assert raised == {code for codes in CATEGORIES.values() for code in codes}


def test_a_code_stands_in_one_family():
    assert sum(map(len, CATEGORIES.values())) == len({code for codes in CATEGORIES.values() for code in codes})


@pytest.mark.parametrize("status", [*range(300, 309), *range(400, 430), 451, *range(500, 512), 599])
def test_a_status_that_may_pass_is_no_bad_data(status):
    error = error_of(Answer(status, {}, b"", 0.0))
    assert (category_of(error.reason) == "bad_data") == (not isinstance(error, TryAgain))


@pytest.mark.parametrize("reason", ["quota_pace", "quota_blocked", "quota_day", "rate_limited"])
def test_a_row_that_waits_for_its_turn_holds_no_bad_data(reason):
    assert category_of(reason) == "rate_limited"
    assert explain(reason) == WORDS[reason]


def test_what_is_explained_is_raised():
    assert set(WORDS) <= {code for codes in CATEGORIES.values() for code in codes}


def test_what_no_retry_helps_is_explained_without_its_row_too():
    assert set(WORDS) >= UNREADABLE
    assert all("each row names its line" in explain(reason) for reason in UNREADABLE)


def test_the_reader_of_a_file_explains_itself():
    assert {explain(reason, "Line 3: mend it.") for reason in UNREADABLE} == {"Line 3: mend it."}
