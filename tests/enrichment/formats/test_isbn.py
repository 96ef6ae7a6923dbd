"""ISBNs: what the checksum proves, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.formats.isbn import is_isbn10, is_isbn13, read_identifier, to_isbn13


@pytest.mark.parametrize(
    ("cell", "kind", "value"),
    [
        ('="9780060855925"', "isbn13", "9780060855925"),
        ("978-0-06-085592-5", "isbn13", "9780060855925"),
        ("9780060855925.0", "isbn13", "9780060855925"),
        ('="0060855924"', "isbn10", "0060855924"),
        ("60855924", "isbn10", "0060855924"),
        ("60855924.0", "isbn10", "0060855924"),
        ("7149212", "isbn10", "0007149212"),
        ('="014023666x"', "isbn10", "014023666X"),
        ('=""', "", ""),
        ("", "", ""),
        ("   ", "", ""),
        ("B00FU0M3ZU", "asin", "B00FU0M3ZU"),
    ],
)
def test_it_reads_an_identifier(cell, kind, value):
    assert read_identifier(cell)[:2] == (kind, value)


@pytest.mark.parametrize(
    "cell",
    [
        "9780060855926",
        "0060855925",
        "978152939268",
        "60855925",
        "9.78006E+12",
        "9,78006E+12",
        "Contributor",
        "8881458671234",
        "٩٧٨٠٠٦٠٨٥٥٩٢٥",
        "0000000000",
        '="' * 40_000,
        " x" * 40_000,
        "9" * 60_000,
    ],
)
def test_it_takes_nothing_else_for_an_isbn(cell):
    identifier = read_identifier(cell)
    assert identifier.kind == "invalid" and identifier.doubt


@given(st.integers(min_value=1, max_value=999_999_999))
def test_it_derives_an_isbn13_whose_checksum_holds(number):
    body = f"{number:09}"
    [isbn10] = [body + check for check in "0123456789X" if is_isbn10(body + check)]
    assert is_isbn13(to_isbn13(isbn10))
    assert read_identifier(f'="{isbn10}"').value == isbn10


@given(st.text(max_size=30))
def test_it_reads_any_text_without_an_error(cell):
    kind, value, _ = read_identifier(cell)
    assert kind != "isbn13" or is_isbn13(value)
    assert kind != "isbn10" or is_isbn10(value)
