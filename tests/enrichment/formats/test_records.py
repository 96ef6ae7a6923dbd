"""Broken records: each costs one row, is told in words, and reading goes on."""

import time

import pytest

from enrichment.formats import BadRow
from enrichment.formats.records import MAX_CELL

from .exports import goodreads, only_bad_row, rows


def broken(*lines: str) -> str:
    """Return an export of one sound book, the lines, and two sound books."""
    header, row, _ = goodreads(generation="24").split("\n")
    return "\n".join([header, row, *lines, row, row, ""])


def test_it_reads_line_breaks_within_quotes():
    first, second = rows(goodreads({"My Review": 'line one\nline "two"\r\n\nline four'}, {}))
    assert first.my_review == 'line one\nline "two"\r\n\nline four'
    assert (first.line, second.line) == (2, 6)


def test_it_passes_over_blank_lines_and_rows():
    assert [row.line for row in rows(broken("", "  ", "," * 23))] == [2, 6, 7]


@pytest.mark.parametrize(
    "line",
    ["34497,Emma,Jane Austen", "34497" + ",x" * 40, "Emma; Jane Austen", "34497,Guns, Germs and Steel,Jared Diamond" + "," * 22 + "0"],
)
def test_it_refuses_a_row_of_another_width(line):
    bad = only_bad_row(broken(line))
    assert (bad.number, bad.line, bad.reason) == (2, 3, "width_wrong")
    assert isinstance(bad.raw, list) and "24" in bad.detail


def test_it_takes_cells_that_a_spreadsheet_cut_off_for_blank():
    header, row, _ = goodreads().split("\n")
    assert len(rows(f"{header}\n{row.rstrip(',')}\n")) == 1
    [entry] = rows(f"{header}\n{row}{',,,'}\n")
    assert entry.bcid == ""


def test_it_refuses_a_row_cut_off_in_the_middle():
    header, row, _ = goodreads().split("\n")
    assert only_bad_row(f"{header}\n{row[: row.index('fantasy')]}\n").reason == "width_wrong"


@pytest.mark.parametrize("line", ['34497,"Emma,Jane Austen', '"', 'x,"' + "y," * 30])
def test_an_unclosed_quotation_mark_costs_its_own_row_only(line):
    read = rows(broken(line))
    assert [isinstance(row, BadRow) for row in read] == [False, True, False, False]
    assert (read[1].line, read[1].reason, [row.line for row in read]) == (3, "quote_unclosed", [2, 3, 4, 5])


@pytest.mark.parametrize("broken", ['34497,"Emma', '34497,"The Color of Magic,Terry Pratchett' + "," * 28])
def test_an_unclosed_quotation_mark_does_not_borrow_that_of_the_next_row(broken):
    # Read leniently, both rows are one of exactly the header's width.
    header, row, _ = goodreads().split("\n")
    read = rows("\n".join([header, broken, row, ""]))
    assert [(row.line, isinstance(row, BadRow)) for row in read] == [(2, True), (3, False)]


def test_an_unclosed_quotation_mark_does_not_borrow_that_of_the_next_cell():
    header, row, _ = goodreads().split("\n")
    bad = only_bad_row("\n".join([header, row.replace('Rincewind, #1)"', "Rincewind, #1)"), ""]))
    assert bad.reason == "quote_misplaced"


def test_an_unclosed_quotation_mark_at_the_very_end_costs_its_own_row_only():
    read = rows(goodreads({}, {}) + '34497,"Emma')
    assert [isinstance(row, BadRow) for row in read] == [False, False, True]


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\ud800"])
def test_it_refuses_a_row_with_a_character_that_no_text_has(character):
    text = goodreads({}, {"Publisher": f"Tor{character}"}, {}).encode("utf-8", errors="surrogatepass")
    bad = only_bad_row(text)
    assert (bad.number, bad.line, bad.column, bad.reason) == (2, 3, "Publisher", "characters_forbidden")
    assert isinstance(bad.raw, dict) and bad.raw["Publisher"] == "Tor\ufffd"


def test_it_refuses_half_a_character_in_utf16():
    bad = only_bad_row(goodreads({}, {"Publisher": "Tor\udc00"}).encode("utf-16", errors="surrogatepass"))
    assert bad.column == "Publisher"


def test_it_refuses_a_row_with_a_cell_that_is_too_long():
    good, bad, last = rows(goodreads({"My Review": "x" * MAX_CELL}, {"My Review": "x" * (MAX_CELL + 1)}, {}))
    assert (len(good.my_review), bad.reason, bad.column, last.number) == (MAX_CELL, "cell_too_long", "My Review", 3)
    assert len(bad.raw["My Review"]) < 3_000


@pytest.mark.parametrize("length", [200_000, 1 << 20, 3_000_000])
def test_it_goes_on_after_an_enormous_cell(length):
    read = rows(goodreads({}, {"My Review": "x" * length}, {}))
    assert [isinstance(row, BadRow) for row in read] == [False, True, False]
    assert (read[1].line, read[2].line) == (3, 4)


def test_it_goes_on_after_an_enormous_cell_of_many_lines():
    read = rows(goodreads({}, {"My Review": "word,\n" * 100_000}, {}))
    assert [isinstance(row, BadRow) for row in read] == [False, True, False]
    assert read[2].line == 100_004


def test_its_repairs_are_bounded():
    # Each quotation mark reads far ahead, to the next one, and everything between is read again.
    hostile = "Title,Author,My Rating\n" + ('"\n' + "E,J,5\n" * 300) * 250
    started = time.process_time()
    read = rows(hostile)
    assert time.process_time() - started < 5
    assert read[-1].reason == "text_unreadable" and "nothing after this one" in read[-1].detail


def test_it_goes_on_after_an_enormous_line_within_an_unclosed_quotation_mark():
    header, row, _ = goodreads().split("\n")
    read = rows("\n".join([header, row, '34497,"Emma', "x" * 3_000_000, row, ""]))
    assert [(row.line, isinstance(row, BadRow)) for row in read] == [(2, False), (3, True), (5, False)]


def test_it_goes_on_after_a_long_line_with_an_unclosed_quotation_mark():
    header, row, _ = goodreads().split("\n")
    read = rows("\n".join([header, row, '34497,"' + "x, " * 100_000, row, ""]))
    assert [(row.line, isinstance(row, BadRow)) for row in read] == [(2, False), (3, True), (4, False)]


def test_it_refuses_an_enormous_line():
    bad = only_bad_row(goodreads({}) + "x," * 1_500_000 + "\n" + goodreads().split("\n")[1])
    assert (bad.line, bad.reason) == (3, "quote_misplaced") and "too long" in bad.detail
