"""Genres: of the vocabulary only."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError as NotByHand
from pydantic import ValidationError

from bookops.books import Book
from bookops.clock import database_now
from bookops.purposes import purpose_named
from bookops.runs import State
from enrichment.genre_vocabulary import vocabulary
from enrichment.models import LibraryImport
from enrichment.purposes.genres import GenresOfBook
from tests.factories import make_import, make_row

genres = purpose_named("genres")


def says(*names: str, confidence: float = 0.9) -> GenresOfBook:
    return GenresOfBook.model_validate_json(json.dumps({"genres": names, "confidence": confidence}))


def test_a_book_gets_genres_of_the_vocabulary_with_their_parents_in_the_order_of_the_answer():
    change = genres.changes(Book(title="x"), says("Dystopian", "Classics"), "J")["genres"]

    assert change.before == []
    assert [(one["name"], one["parent"], one["because"]) for one in change.after] == [
        ("Dystopian", "Fiction", ["J"]), ("Classics", "Fiction", ["J"])
    ]  # fmt: skip
    assert change.after[0]["score"] > change.after[1]["score"]


def test_the_same_genres_are_no_change():
    book = Book(title="x", genres=[{"name": "Dystopian", "score": 3.1}])

    assert genres.changes(book, says("Dystopian"), "J") == {}


def test_a_genre_named_twice_counts_once():
    assert says("Classics", "Classics").genres == ["Classics"]


@pytest.mark.parametrize("names", [[], ["Steampunk Cookery"], ["classics"], ["Classics"] * 6])
def test_any_other_word_is_refused_on_arrival(names):
    with pytest.raises(ValidationError):
        says(*names)


def test_the_schema_names_the_whole_vocabulary_within_openais_limits():
    schema = genres.schema()
    names = schema["$defs"]["Genre"]["enum"]

    assert set(names) == set(vocabulary().parents)
    assert len(names) <= 1000
    assert sum(map(len, names)) <= 15_000
    assert len(json.dumps(schema)) < 4_000  # 50,000 lines with it fit into a batch of 200 MB


def test_two_models_agree_in_whatever_order_they_name_the_same():
    assert genres.gist(says("Classics", "Dystopian")) == genres.gist(says("Dystopian", "Classics"))


@pytest.mark.parametrize("value", [["Classics"], [{"name": "Classics"}]])
def test_a_person_names_genres_plainly(value):
    [genre] = genres.by_hand(Book(title="x"), "genres", value)

    assert (genre["name"], genre["parent"], genre["because"]) == ("Classics", "Fiction", ["a person"])


@pytest.mark.parametrize("value", [[], "Classics", ["No such"], None, [{}], [[]]])
def test_a_person_cannot_name_others_either(value):
    with pytest.raises(NotByHand):
        genres.by_hand(Book(title="x"), "genres", value)


@pytest.mark.django_db
def test_dashboards_that_show_the_book_are_written_anew(django_capture_on_commit_callbacks):
    row = make_row(make_import(state=State.SUCCEEDED, stage=LibraryImport.Stage.DONE))
    changes = genres.changes(row.book, says("Classics"), "J")

    with django_capture_on_commit_callbacks(execute=True):
        genres.apply([(row.book, changes)], "J", database_now())
    assert _versions_behind(row) == 1
    with django_capture_on_commit_callbacks(execute=True):
        genres.undo([(row.book, changes)], "J", database_now())
    assert _versions_behind(row) == 2


@pytest.mark.django_db
def test_a_book_that_keeps_its_genres_leaves_its_dashboards_alone(django_capture_on_commit_callbacks):
    row = make_row()
    row.book.locked = ["genres"]

    with django_capture_on_commit_callbacks() as callbacks:
        genres.apply([(row.book, genres.changes(row.book, says("Classics"), "J"))], "J", database_now())
    assert callbacks == []


def _versions_behind(row):
    held = LibraryImport.objects.get(pk=row.library_import_id)
    return held.changes - held.dashboard_changes
