"""Purposes: how they are found, what their schemas are, how books take and give back what they propose."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from django.core.exceptions import ValidationError
from pydantic import BaseModel, Field

from bookops.book_purpose import BookPurpose
from bookops.books import PERSON, Book
from bookops.clock import database_now
from bookops.purposes import Change, WrongTemplate, all_purposes, purpose, purpose_named
from bookops.strict_schema import strict
from tests.factories import make_book, make_owner


class Answer(BaseModel):
    """What nobody should send to a model."""

    language: str


class ChooseLanguage(BookPurpose):
    """Say in which language a book is."""

    name = "language"
    label = "Language"
    Answer = Answer
    template = "In which language is {{title}} by {{ author }}?"

    def changes(self, target, answer, job):
        return {"language": Change(target.language, answer.language)}


SOURCE, OTHER = "job:1", "job:2"


def applied(book: Book, source: str = SOURCE, *, by_person: bool = False, **after) -> dict[str, Change]:
    """Return what was written of changes to a book, which is stored."""
    changes = {name: Change(getattr(book, name), value) for name, value in after.items()}
    [came] = ChooseLanguage().apply([(book, changes)], source, database_now(), by_person=by_person)
    book.refresh_from_db()
    return came.changes


def undone(book: Book, changes: dict[str, Change], source: str = SOURCE) -> Book:
    ChooseLanguage().undo([(book, changes)], source, database_now())
    book.refresh_from_db()
    return book


def test_every_app_has_its_purposes_found_by_itself():
    assert {"flag", "describe", "genres", "second_opinion"} <= set(all_purposes())


def test_an_unknown_purpose_is_answered_by_those_there_are():
    with pytest.raises(KeyError, match=r"No purpose horoscope\. There are: describe, flag, genres"):
        purpose_named("horoscope")


def test_two_purposes_may_not_have_one_name():
    with pytest.raises(ValueError, match="Two purposes are called flag"):
        purpose(type("Other", (ChooseLanguage,), {"name": "flag"}))


def test_a_template_that_asks_for_an_undeclared_variable_is_refused():
    with pytest.raises(WrongTemplate, match=r"\{\{shelf\}\}\. There are: title, author"):
        purpose(type("Shelf", (ChooseLanguage,), {"name": "shelf", "template": "{{shelf}}"}))
    assert "shelf" not in all_purposes()


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("no variable at all", r"names no variable asks of every book the same\. There are: title, author"),
        (" \n", "names no variable"),
        ("Is {{title rare?", r"written \{\{name\}\}, not \{\{title rare\?\. There are: title, author"),
        ("Is {{title}} by {{author }", r"not \{\{author \}\."),
        ("{{title}} ends in {{", r"not \{\{\."),
        ("{{title}} {{\nauthor", r"not \{\{\."),
    ],
)
def test_a_template_that_would_ask_every_target_the_same_or_show_its_braces_is_refused(template, words):
    with pytest.raises(WrongTemplate, match=words):
        purpose_named("flag").check_template(template)


def test_braces_that_close_more_than_one_thing_are_text():
    purpose_named("flag").check_template('{{title}}: answer as {"a": {"b": 1}}')


@pytest.mark.parametrize("name", sorted(all_purposes()))
def test_a_purpose_asks_only_for_what_it_declares_and_its_schema_is_strict(name):
    one = purpose_named(name)
    one.check_template(one.template)

    schema = one.schema()

    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"])
    assert "description" not in schema


def test_values_are_put_into_a_prompt_as_they_are_and_never_read_as_templates():
    values = {"title": "{{author}} {{ title }} \\1 \\g<0>", "author": "A"}

    assert ChooseLanguage().render("{{title}}|{{ author }}|{{title}}", values) == (
        "{{author}} {{ title }} \\1 \\g<0>|A|{{author}} {{ title }} \\1 \\g<0>"
    )


# Strict schemas.


class Part(BaseModel):
    title: Annotated[str, Field(max_length=5, examples=["x"])] = "default"
    format: int | None = None


class Whole(BaseModel):
    kind: Literal["a", "b"]
    parts: Annotated[list[Part], Field(min_length=1, description="The parts.")]
    first: Part = Field(description="Beside a reference.", default_factory=Part)
    share: Annotated[float, Field(ge=0, le=1)]


def test_a_strict_schema_requires_all_allows_no_more_and_leaves_bounds_to_us():
    assert strict(Whole.model_json_schema()) == {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["a", "b"]},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}, "description": "The parts."},
            "first": {"$ref": "#/$defs/Part"},
            "share": {"type": "number"},
        },
        "required": ["kind", "parts", "first", "share"],
        "additionalProperties": False,
        "$defs": {
            "Part": {
                "type": "object",
                # Names of the answer's own, though schemas have keywords that are called the same.
                "properties": {"title": {"type": "string"}, "format": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
                "required": ["title", "format"],
                "additionalProperties": False,
            }
        },
    }


# What may be asked about.


@pytest.mark.django_db
def test_only_an_owners_books_are_targets():
    mine = make_book()
    make_book()

    assert list(ChooseLanguage().targets(mine.owner_id)) == [mine]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({}, {"Momo", "Emma"}),
        ({"author": "ende"}, {"Momo"}),
        ({"year_from": 1900}, {"Momo"}),
        ({"year_to": "1900"}, {"Emma"}),
        ({"flagged": True}, {"Emma"}),
        ({"title": "m", "language": "de"}, {"Momo"}),
        ({"author": "' OR 1=1 --"}, set()),
    ],
)
def test_books_are_chosen_by_filters(filters, titles):
    owner = make_owner()
    make_book(owner, title="Momo", author="Michael Ende", year=1973, language="de")
    make_book(owner, title="Emma", author="Jane Austen", year=1815, flagged=True)
    asked = ChooseLanguage()

    assert {book.title for book in asked.filtered(asked.targets(owner.pk), filters)} == titles


@pytest.mark.django_db
@pytest.mark.parametrize("filters", [{"owner": 1}, {"password": "x"}, {"year_from": "soon"}, {"flagged": "perhaps"}, {"import": "x"}])
def test_a_filter_that_cannot_be_says_so(filters):
    asked = ChooseLanguage()

    with pytest.raises(ValueError, match=next(iter(filters))):
        list(asked.filtered(Book.objects.all(), filters))


@pytest.mark.django_db
def test_facts_are_shown_in_words():
    book = make_book(
        genres=[{"name": "Fantasy"}, {"name": "Fiction"}], subjects={"openlibrary": ["time"], "google": ["thieves"]}, pages=None
    )

    [values] = ChooseLanguage().variables([book])

    assert set(values) == set(ChooseLanguage.declared)
    assert (values["genres"], values["subjects"], values["pages"]) == ("Fantasy, Fiction", "time, thieves", "")


# Writing and putting back.


@pytest.mark.django_db
def test_what_is_written_has_its_jobs_name_and_a_new_version():
    book = make_book(language="en")

    changes = applied(book, language="de")

    assert changes["language"] == Change("en", "de", {})
    assert (book.language, book.version) == ("de", 2)
    assert (book.provenance["language"]["source"], book.provenance["language"]["job"]) == (SOURCE, SOURCE)
    assert book.locked == []


@pytest.mark.django_db
def test_what_is_so_already_is_not_written():
    book = make_book(language="de")

    assert applied(book, language="de") == {}
    assert (book.version, book.provenance) == (1, {})


@pytest.mark.django_db
@pytest.mark.parametrize(
    "settled", [{"locked": ["language"]}, {"provenance": {"language": {"source": "export"}}}], ids=["by a person", "by the owner's export"]
)
def test_a_settled_field_keeps_all_changes_of_its_answer_out(settled):
    book = make_book(language="en", **settled)
    changes = {"language": Change("en", "de"), "description": Change("", "New")}

    [came] = ChooseLanguage().apply([(book, changes)], SOURCE, database_now())

    assert came.written == "locked"
    book.refresh_from_db()
    assert (book.language, book.description, book.version) == ("en", "", 1)


@pytest.mark.django_db
def test_a_person_may_write_what_is_settled_and_settles_what_is_not():
    book = make_book(language="en", provenance={"language": {"source": "export"}})

    applied(book, by_person=True, language="de", description="New")

    assert (book.language, sorted(book.locked)) == ("de", ["description", "language"])
    assert book.provenance["language"]["source"] == PERSON


@pytest.mark.django_db
def test_what_was_written_is_put_back_with_where_it_came_from():
    came_from = {"source": "openlibrary", "at": "2026-01-01T00:00:00+00:00"}
    book = make_book(language="en", provenance={"language": came_from})
    changes = applied(book, language="de")

    undone(book, changes)

    assert (book.language, book.provenance["language"], book.version) == ("en", came_from, 3)


@pytest.mark.django_db
def test_what_was_kept_of_a_change_as_json_puts_it_back_too():
    book = make_book(language="en")
    changes = {name: Change.from_json(change.to_json()) for name, change in applied(book, language="de").items()}

    assert undone(book, changes).language == "en"


@pytest.mark.django_db
def test_what_somebody_has_written_since_is_not_put_back():
    book = make_book(language="en")
    first = applied(book, language="de")
    applied(book, OTHER, language="fr")

    assert undone(book, first).language == "fr"


@pytest.mark.django_db
def test_what_a_person_settled_before_stays_settled_when_another_word_of_a_person_is_put_back():
    book = make_book(language="en", locked=["language"], provenance={"language": {"source": PERSON}})
    changes = applied(book, by_person=True, language="de")

    undone(book, changes)

    assert (book.language, book.locked) == ("en", ["language"])


@pytest.mark.django_db
def test_many_books_are_written_in_one_statement(django_assert_num_queries):
    books = [make_book(language="en") for _ in range(20)]
    proposed = [(book, {"language": Change("en", "de")}) for book in books]

    now = database_now()

    with django_assert_num_queries(1):
        ChooseLanguage().apply(proposed, SOURCE, now)

    assert set(Book.objects.values_list("language", flat=True)) == {"de"}


@pytest.mark.django_db
def test_a_value_by_hand_is_one_that_the_field_can_have():
    book = make_book()
    asked = ChooseLanguage()

    assert asked.by_hand(book, "year", "1973") == 1973
    with pytest.raises(ValidationError):
        asked.by_hand(book, "year", "soon")
    with pytest.raises(ValidationError):
        asked.by_hand(book, "language", "x" * 21)
