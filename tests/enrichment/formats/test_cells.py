"""Cells: strict numbers and dates, and a warning for each that could not be used."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.formats.cells import Cells, PartialDate, day_order, read_date, split_list


def cell(text: str, *, day_first: bool | None = None) -> Cells:
    return Cells({"Column": 0}, [text], number=1, line=2, day_first=day_first)


@pytest.mark.parametrize(("text", "number"), [("228", 228), (" 228 ", 228), ("320.0", 320), ("-428", -428), ("0", 0), ("", None)])
def test_it_reads_a_whole_number(text, number):
    cells = cell(text)
    assert (cells.integer("Column", -999, 999), cells.warnings) == (number, [])


@pytest.mark.parametrize(
    "text", ["٣", "3²", "1e3", "nan", "inf", "0x10", "1_000", "1,000", "1.000", "320.5", "1000", "--1", "12 pages", "9" * 5000]
)
def test_it_takes_nothing_else_for_a_whole_number(text):
    cells = cell(text)
    assert cells.integer("Column", -999, 999) is None
    [warning] = cells.warnings
    assert (warning.column, warning.reason, warning.cell[:80]) == ("Column", "number_unreadable", text[:80])
    assert warning.detail.startswith("Line 2, Column: “") and len(warning.detail) < 250


@pytest.mark.parametrize(("text", "number"), [("4.17", "4.17"), ("4,17", "4.17"), ("3.75", "3.75"), ("4", "4"), ("4.0", "4"), ("0", "0")])
def test_it_reads_a_decimal(text, number):
    assert cell(text).decimal("Column", 5) == Decimal(number)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-1", "5.1", "4.1.7", "٤", "1e0", "=1+1"])
def test_it_takes_nothing_else_for_a_decimal(text):
    cells = cell(text)
    assert (cells.decimal("Column", 5), len(cells.warnings)) == (None, 1)


@pytest.mark.parametrize(
    ("text", "day", "precision"),
    [
        ("2021/05/09", date(2021, 5, 9), "day"),
        ("2021-05-09", date(2021, 5, 9), "day"),
        ("2021-05-09 00:00:00", date(2021, 5, 9), "day"),
        ("2021-05-09T00:00:00Z", date(2021, 5, 9), "day"),
        ("2021/5/9", date(2021, 5, 9), "day"),
        ("2021/05", date(2021, 5, 1), "month"),
        ("2021", date(2021, 1, 1), "year"),
        ("5/31/2021", date(2021, 5, 31), "day"),
        ("31/5/2021", date(2021, 5, 31), "day"),
        ("09.05.2021", date(2021, 5, 9), "day"),
        ("5/5/2021", date(2021, 5, 5), "day"),
    ],
)
def test_it_reads_a_date_that_has_one_meaning(text, day, precision):
    assert cell(text).date("Column") == PartialDate(day, precision)


@pytest.mark.parametrize(
    "text", ["5/9/2021", "2021/02/30", "2021/13/01", "0000/01/01", "yesterday", "xxxx/xx/xx", "5/9/21", "2021/05-09", "٢٠٢١/٠٥/٠٩"]
)
def test_it_leaves_any_other_date_out(text):
    cells = cell(text)
    assert (cells.date("Column"), len(cells.warnings)) == (None, 1)


@pytest.mark.parametrize(("day_first", "day"), [(True, date(2021, 9, 5)), (False, date(2021, 5, 9))])
def test_it_reads_a_swappable_date_in_the_order_of_its_file(day_first, day):
    assert cell("5/9/2021", day_first=day_first).date("Column") == PartialDate(day, "day")


def test_it_lets_an_unmistakable_date_stand_against_its_file():
    assert read_date("31/5/2021", False) == PartialDate(date(2021, 5, 31), "day")


def test_it_tells_the_order_only_where_it_is_proven():
    assert [day_order(text) for text in ("31/5/2021", "5/31/2021", "5/9/2021", "2021/05/09")] == [True, False, None, None]


def test_it_splits_lists_outside_parentheses():
    assert split_list("Ann (Author, Editor), Bob,, Cy") == ("Ann (Author, Editor)", "Bob", "Cy")


def test_it_collapses_blanks_in_text_and_keeps_them_in_prose():
    cells = cell("\ufeff J.M.     Clarke\n II ")
    assert (cells.text("Column"), cells.prose("Column")) == ("J.M. Clarke II", "J.M.     Clarke\n II")


def test_it_reads_a_column_that_the_file_lacks_as_blank():
    cells = cell("x")
    assert (cells.text("Other"), cells.integer("Other", 0, 9), cells.date("Other"), cells.flag("Other")) == ("", None, None, False)
    assert cells.warnings == []


@given(st.text(max_size=60))
def test_it_reads_any_cell_without_an_error(text):
    cells = cell(text)
    (
        cells.text("Column"),
        cells.names("Column"),
        cells.integer("Column", 0, 9),
        cells.decimal("Column", 5),
        cells.date("Column"),
        cells.flag("Column"),
    )
