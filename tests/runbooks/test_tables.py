"""Small tables from anywhere: whatever is in the file, it is read, or refused with the remedy, and soon."""

from __future__ import annotations

import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.entries import COLUMNS, entries_of_csv, entries_of_text
from runbooks.link_lists import read_links
from runbooks.tables import Table, TableRefused, read_table
from tests.shared_data import shared_path

TODAY = date(2026, 11, 1)


def read(content: bytes) -> Table | None:
    """Return the table, None where it was refused with a reason."""
    try:
        return read_table(content, COLUMNS, required=("title", "price"), most_rows=1_000)
    except TableRefused as refused:
        assert str(refused)
        return None


def test_cells_with_commas_quotes_and_line_breaks_are_read_and_lines_are_counted_as_an_editor_does():
    table = read(b'title,price\r\n"a, ""b""\r\nc",1\r\n\r\n d\x0b,2\r\n e ,3\r\n')
    assert table is not None
    assert [(row.line, row["title"], row["price"]) for row in table.rows] == [(2, 'a, "b" c', "1"), (6, "e", "3")]
    assert [(line.line, line.why) for line in table.refused] == [(5, "it holds control characters; delete them")]


def test_a_quotation_mark_that_is_never_closed_costs_its_own_row():
    table = read(b"title,price\n" + b'"open,1\n' + b"x,1\n" * 50)
    assert table is not None
    assert (len(table.rows), [line.line for line in table.refused]) == (50, [2])


def test_rows_may_be_shorter_than_the_header():
    table = read(b"title,price,currency,date\nx,1\n")
    assert table is not None
    assert table.rows[0]["date"] == ""


@given(st.binary(max_size=400))
def test_whatever_the_bytes_it_is_read_or_refused(content):
    read(b"title,price\n" + content)
    read(content)


@given(st.text(max_size=400))
def test_whatever_the_text_no_price_is_invented(text):
    for entry in entries_of_text(text, TODAY, "asking", most=1_000).entries:
        assert entry.price.amount > 0
        assert entry.title


@pytest.mark.parametrize(
    "content",
    [
        b"title,price\n" + b'"' * 1_000_000,
        b"title,price\n" + b'"\n' * 500_000,
        b"title,price\n" + b"," * 2_000_000,
        b"," * 2_000_000,
        b'"' * 2_000_000,
    ],
)
def test_a_file_made_to_keep_us_busy_does_not(content):
    began = time.perf_counter()
    read(content)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("line", ["x" * 400_000, "$1 " * 100_000, "1." * 200_000, "https://" * 50_000, "1 Jan " * 60_000])
def test_a_line_made_to_keep_us_busy_does_not(line):
    began = time.perf_counter()
    assert entries_of_text(line, TODAY, "asking", most=10).entries == ()
    assert time.perf_counter() - began < 1


@pytest.mark.shared
def test_every_hostile_file_is_read_or_refused():
    files = [path for path in shared_path("data", "hostile").rglob("*") if path.suffix in (".csv", ".tsv", ".txt") and path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()[:5_000_001]
        for reader in (lambda content: entries_of_csv(content, TODAY, "asking", most=1_000), read_links):
            try:
                reader(content)
            except TableRefused as refused:
                assert str(refused), path.name
