"""What to ask next, and what the answers come to: pure functions over a table of answers."""

import pytest

from enrichment.deciding import Findings, Question, candidate_name, next_question, questions_of
from enrichment.matching import Wanted
from tests.factories import isbn, make_facts

WANTED = Wanted(title="Momo", author="Michael Ende", isbn13=isbn(1))
BARE = Wanted(title="Momo", author="Michael Ende")
FULL = make_facts(isbns=(isbn(1),))
GOOGLE = make_facts(
    source="google_books", key="abc", isbns=(isbn(1),), subjects=("Juvenile Fiction / Fantasy & Magic",), description="A girl."
)
OPEN_ISBN, OPEN_TITLE, GOOGLE_ISBN, GOOGLE_TITLE = questions_of(WANTED)


def table(answers: dict[Question, tuple]) -> dict:
    return {(question.source, question.key): found for question, found in answers.items()}


def test_an_identifier_is_asked_for_before_a_title():
    assert next_question(WANTED, {}, policy="frugal") == OPEN_ISBN
    assert next_question(WANTED, table({OPEN_ISBN: ()}), policy="frugal") == OPEN_TITLE


def test_a_book_without_identifier_is_asked_for_by_title():
    assert next_question(BARE, {}, policy="frugal").kind == "title"


def test_frugal_asks_nobody_else_when_nothing_is_missing():
    findings = next_question(WANTED, table({OPEN_ISBN: (FULL,)}), policy="frugal")
    assert isinstance(findings, Findings)
    assert (findings.outcome, findings.sources) == ("matched", ["open_library"])


@pytest.mark.parametrize(
    ("gap", "facts"),
    [
        ("no match", ()),
        ("no genre", (make_facts(isbns=(isbn(1),), subjects=("Shelved upside down",)),)),
    ],
)
def test_frugal_goes_on_where_the_first_source_left(gap, facts):
    answers = table({OPEN_ISBN: facts, OPEN_TITLE: ()})
    assert next_question(WANTED, answers, policy="frugal") == GOOGLE_ISBN


def test_frugal_goes_on_where_there_is_no_cover():
    bare_facts = make_facts(cover_url="", small_cover_url="")
    question = next_question(BARE, table({OPEN_TITLE: (bare_facts,)}), policy="frugal")
    assert question == GOOGLE_TITLE


def test_thorough_asks_every_source():
    assert next_question(WANTED, table({OPEN_ISBN: (FULL,)}), policy="thorough") == GOOGLE_ISBN


def test_facts_of_two_sources_are_merged_with_where_they_came_from():
    findings = next_question(WANTED, table({OPEN_ISBN: (FULL,), GOOGLE_ISBN: (GOOGLE,)}), policy="thorough")
    facts = findings.facts()
    assert facts["publisher"] == ("Thienemann", "open_library")
    assert facts["description"] == ("A girl.", "google_books")
    assert facts["google_volume_id"] == ("abc", "google_books")
    assert facts["genres"][1] == "open_library+google_books"
    assert findings.subjects() == {"open_library": ["Fantasy fiction"], "google_books": ["Juvenile Fiction / Fantasy & Magic"]}


def test_a_source_that_was_given_up_is_not_asked():
    assert next_question(WANTED, {}, policy="frugal", without=frozenset({"open_library"})) == GOOGLE_ISBN
    findings = next_question(WANTED, {}, policy="frugal", without=frozenset({"open_library", "google_books"}))
    assert findings.outcome == "not_found"


def test_what_a_source_that_was_given_up_has_told_before_counts():
    findings = next_question(WANTED, table({OPEN_ISBN: (FULL,)}), policy="thorough", without=frozenset({"open_library", "google_books"}))
    assert findings.outcome == "matched"


def test_a_wrong_isbn_does_not_bring_a_wrong_book():
    wrong = make_facts("Cooking for Two", "Jane Doe", isbns=(isbn(1),))
    answers = table({OPEN_ISBN: (wrong,), OPEN_TITLE: (), GOOGLE_ISBN: (), GOOGLE_TITLE: ()})
    findings = next_question(WANTED, answers, policy="frugal")
    assert findings.outcome != "matched"
    assert findings.accepted == ()
    assert "genres" not in findings.facts()


def test_a_chosen_record_is_the_match_whatever_the_scores_say():
    chosen = make_facts("Momo und die Zeitdiebe", "M. Ende", key="/books/OL9M")
    findings = next_question(WANTED, table({OPEN_ISBN: (FULL,)}), policy="frugal", chosen=chosen)
    assert (findings.outcome, findings.accepted) == ("matched", (chosen,))


def test_a_chosen_record_of_the_second_source_outlives_a_good_match_of_the_first():
    findings = next_question(WANTED, table({OPEN_ISBN: (FULL,), GOOGLE_ISBN: ()}), policy="thorough", chosen=GOOGLE)
    findings = (
        findings
        if isinstance(findings, Findings)
        else next_question(WANTED, table({OPEN_ISBN: (FULL,), GOOGLE_ISBN: (), GOOGLE_TITLE: ()}), policy="thorough", chosen=GOOGLE)
    )
    assert findings.accepted == (GOOGLE,)
    assert candidate_name(findings.candidates[0].facts) == "google_books:abc"


def test_a_chosen_record_is_taken_in_its_newest_form():
    stale = make_facts(isbns=(isbn(1),), publisher="Old")
    findings = next_question(WANTED, table({OPEN_ISBN: (FULL,), GOOGLE_ISBN: (GOOGLE,)}), policy="thorough", chosen=stale)
    assert findings.accepted[0].publisher == "Thienemann"


def test_a_cover_address_too_long_to_keep_is_no_cover():
    facts = make_facts(isbns=(isbn(1),), cover_url="https://covers.example/" + "x" * 1000, small_cover_url="")
    findings = next_question(WANTED, table({OPEN_ISBN: (facts,)}), policy="frugal")
    assert "cover_url" not in findings.facts()


def test_long_titles_are_remembered_under_a_key_that_fits():
    question, other = (Question("open_library", "title", title="word " * 300, author=name) for name in ("somebody", "else"))
    assert len(question.key) <= 200
    assert question.key != other.key
