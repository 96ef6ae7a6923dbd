"""Describe: of nothing but what is known."""

from __future__ import annotations

import pytest

from bookops.books import Book
from bookops.purposes import Change, purpose_named
from llmjobs.purposes.describe import Description

describe = purpose_named("describe")


def says(text: str) -> Description:
    return Description(description=text, confidence=0.9)


def test_a_description_is_proposed_in_one_line():
    book = Book(title="Momo", description="Old")

    assert describe.changes(book, says("A novel about\n\n  time and thieves."), "J") == {
        "description": Change("Old", "A novel about time and thieves.")
    }


def test_the_same_description_is_no_change():
    assert describe.changes(Book(title="x", description="A novel about its time."), says("A novel about its time."), "J") == {}


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("A novel of 1973 on 304 pages.", ""),
        ("A novel that won a prize in 1974.", "no fact holds 1974"),
        ("Read it at https://example.org/momo today.", "it names an address"),
        ("A novel of 3 parts about time.", ""),
    ],
)
def test_a_number_or_an_address_that_no_fact_holds_is_doubted(text, doubt):
    book = Book(title="Momo", year=1973, pages=304, isbn13="9783522177504")

    assert describe.doubt(book, says(text)) == doubt
