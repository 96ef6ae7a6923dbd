"""Flag: a person's flag is neither cleared nor written over."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bookops.books import Book
from bookops.purposes import Change, purpose_named
from llmjobs.purposes.flag import Flagging

flag = purpose_named("flag")
BY_JOB = {"flagged": {"source": "job:1", "job": "job:1"}}
BY_ACCEPTED_ANSWER = {"flagged": {"source": "person", "job": "job:1"}}


def says(flagged: bool, reason: str = "") -> Flagging:
    return Flagging(flagged=flagged, flagged_reason=reason, confidence=0.9, notes="")


def test_the_reason_names_the_job():
    changes = flag.changes(Book(title="x"), says(True, "No book."), "Spring cleaning")

    assert changes == {"flagged": Change(False, True), "flagged_reason": Change("", "Spring cleaning: No book.")}


def test_a_long_reason_is_cut_to_what_a_book_holds():
    changes = flag.changes(Book(title="x"), says(True, "y" * 2000), "J")

    assert len(changes["flagged_reason"].after) == 500


def test_nothing_is_proposed_where_nothing_is_wrong():
    assert flag.changes(Book(title="x"), says(False), "J") == {}


@pytest.mark.parametrize("provenance", [{}, {"flagged": {"source": "person"}}, BY_ACCEPTED_ANSWER])
@pytest.mark.parametrize("answer", [says(False), says(True, "Another reason")])
def test_a_persons_flag_is_neither_cleared_nor_written_over(provenance, answer):
    book = Book(title="x", flagged=True, flagged_reason="Look at the spine", provenance=provenance)

    assert flag.changes(book, answer, "J") == {}


def test_what_a_job_flagged_a_job_may_clear():
    book = Book(title="x", flagged=True, flagged_reason="A: No book.", provenance=BY_JOB)

    assert flag.changes(book, says(False), "B") == {"flagged": Change(True, False), "flagged_reason": Change("A: No book.", "")}


def test_what_a_job_flagged_gets_the_newer_reason():
    book = Book(title="x", flagged=True, flagged_reason="A: No book.", provenance=BY_JOB)

    assert flag.changes(book, says(True, "A sampler."), "B") == {"flagged_reason": Change("A: No book.", "B: A sampler.")}


def test_two_models_agree_by_the_flag_and_not_by_their_words():
    assert flag.gist(says(True, "One")) == flag.gist(says(True, "Two")) != flag.gist(says(False))


@pytest.mark.parametrize("wrong", [{"confidence": 1.1}, {"confidence": float("nan")}, {"flagged": "true"}, {"more": 1}, {"notes": None}])
def test_an_answer_out_of_bounds_is_none(wrong):
    with pytest.raises(ValidationError):
        Flagging(**{"flagged": True, "flagged_reason": "", "confidence": 0.5, "notes": ""} | wrong)
