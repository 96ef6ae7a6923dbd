"""What a copy is: photos before words, item specifics before the title, and the volume that is offered."""

from __future__ import annotations

from typing import Any

import pytest

from runbooks.completing import completion
from runbooks.conditions import Grade
from runbooks.identifying import subject_of
from runbooks.queries import full_query
from runbooks.reference import seed_reference
from runbooks.scoring.evidence import look_up
from runbooks.sources.claude_reading import Claim, PhotoReading
from runbooks.subject import HeldCopy, Holdings
from tests.runbooks.factories import make_listing_facts

BINDERS = seed_reference().binders


def facts(title: str = "", **aspects: str) -> Any:
    return make_listing_facts(title=title, aspects={name.replace("_", " "): value for name, value in aspects.items()}, description="")


def test_item_specifics_say_it_better_than_the_title():
    subject = subject_of(make_listing_facts(), binders=BINDERS)
    assert (subject.title, subject.author, subject.publisher) == ("Our Mutual Friend", "Charles Dickens", "Chapman & Hall")
    assert (subject.year, subject.volumes, subject.binding, subject.is_first_edition) == (1865, 2, "Full Morocco", True)
    assert subject.condition == "Very Good"


def test_without_item_specifics_the_title_is_all_there_is():
    subject = subject_of(facts("Ruskin MODERN PAINTERS 1888 half calf"))
    assert (subject.title, subject.author, subject.year, subject.binding) == (
        "Ruskin MODERN PAINTERS 1888 half calf",
        "",
        1888,
        "half calf",
    )


def test_what_photos_show_goes_before_what_the_seller_says():
    reading = PhotoReading(
        condition_grade=Grade.FAIR,
        condition_negatives=(Claim("heavy foxing throughout", ("a",)),),
        item_identification={"binding_type": Claim("half calf", ("a",)), "binder_signature": Claim("ZAEHNSDORF", ("b",))},
        year=1870,
        volumes=1,
        is_complete=False,
    )
    subject = subject_of(make_listing_facts(), reading)
    assert (subject.condition, subject.foxing, subject.binding) == ("FAIR", "heavy", "half calf")
    assert (subject.year, subject.volumes, subject.is_complete, subject.binder_authenticated) == (1870, 1, False, True)
    assert subject.author == "Charles Dickens", "what photos do not show is as the seller says"


def test_a_signature_that_only_the_seller_speaks_of_is_none():
    reading = PhotoReading(item_identification={"binder_signature": Claim("signed by Riviere", in_text=True)})
    assert subject_of(make_listing_facts(), reading).binder_authenticated is False


@pytest.mark.parametrize(
    ("title", "work", "named"),
    [
        ("John Ruskin MODERN PAINTERS Vol III 1888", "Modern Painters", "Modern Painters, Vol. 3"),
        ("Modern Painters in 5 volumes", "Modern Painters", "Modern Painters"),
        ("Modern Painters Vols. 1-5", "Modern Painters", "Modern Painters"),
        ("Modern Painters Vol. 3", "Modern Painters, Volume III", "Modern Painters, Volume III"),
        ("Modern Painters Vol. 2 of 3", "Modern Painters", "Modern Painters, Vol. 2 of 3"),
        ("Modern Painters Vols. 1-2 of 3", "Modern Painters", "Modern Painters, Vols. 1-2 of 3"),
        ("Modern Painters Vols. 1-3 of 3", "Modern Painters", "Modern Painters"),
        ("Modern Painters Vol. 3 of 5", "Modern Painters, Volume III", "Modern Painters, Vol. 3 of 5"),
        ("Modern Painters Vols. 1-2 of 3", "", "Modern Painters Vols. 1-2 of 3"),
    ],
)
def test_one_volume_of_a_set_is_not_the_set(title: str, work: str, named: str):
    assert subject_of(facts(title, Book_Title=work)).title == named


@pytest.mark.parametrize(
    ("title", "told", "named", "volumes"),
    [
        ("Modern Painters Vol. 2", "3", "Modern Painters, Vol. 2 of 3", 1),
        ("Modern Painters Vols. 1-2", "3", "Modern Painters, Vols. 1-2 of 3", 2),
        ("Modern Painters Vol. 2", "1", "Modern Painters, Vol. 2", 1),
        ("Modern Painters", "3", "Modern Painters", 3),
    ],
)
def test_how_many_volumes_the_set_has_is_not_how_many_these_are(title: str, told: str, named: str, volumes: int):
    subject = subject_of(facts(title, Book_Title="Modern Painters", Number_of_Volumes=told))
    assert (subject.title, subject.volumes) == (named, volumes)
    assert full_query(subject) == ("modern painters" if volumes == 1 else f"modern painters {volumes} volumes")


def test_the_last_volume_of_a_listed_set_completes_it():
    listed = subject_of(facts("MODERN PAINTERS Vol. 3 of 3", Book_Title="Modern Painters", Author="John Ruskin"))
    owned = [HeldCopy("Modern Painters, Vol. 1", "John Ruskin"), HeldCopy("Modern Painters, Vol. 2", "John Ruskin")]
    assert completion(listed, owned).completes


def test_a_volume_of_a_set_is_not_complete_whatever_its_seller_calls_it():
    listed = subject_of(facts("MODERN PAINTERS Vol. 3 of 3, complete in 1 volume", Book_Title="Modern Painters"))
    assert look_up(listed, seed_reference(), Holdings()).is_complete is False


def test_the_volume_that_was_chosen_of_a_listing_counts():
    assert (
        subject_of(facts("MODERN PAINTERS - Choose Your Volume", Book_Title="Modern Painters", Volume="Volume II")).title
        == "Modern Painters, Vol. 2"
    )


@pytest.mark.parametrize(
    ("title", "binder"),
    [
        ("OUR MUTUAL FRIEND full morocco RIVIERE", "Rivière & Son"),
        ("OUR MUTUAL FRIEND bound by Sangorski & Sutcliffe", "Sangorski & Sutcliffe"),
        ("OUR MUTUAL FRIEND full morocco", ""),
    ],
)
def test_a_binder_is_known_by_the_title(title: str, binder: str):
    assert subject_of(facts(title, Author="Charles Dickens", Book_Title="Our Mutual Friend"), binders=BINDERS).binder == binder


def test_an_author_who_has_a_binders_name_did_not_bind_it():
    assert subject_of(facts("Leighton, Paintings", Author="Frederic Leighton", Book_Title="Paintings"), binders=BINDERS).binder == ""


@pytest.mark.parametrize(
    ("title", "year"), [("1984 Orwell Signet 1961", 1961), ("Momo 2nd printing $1500", None), ("Principles of Geology 1830-33", 1830)]
)
def test_the_year_is_one_of_printing(title: str, year: int | None):
    assert subject_of(facts(title, Book_Title="1984")).year == year


@pytest.mark.parametrize(
    ("words", "is_first"),
    [
        ("First Edition", True),
        ("1st Edition", True),
        ("Third Edition", False),
        ("first edition facsimile", False),
        ("first edition thus", False),
    ],
)
def test_a_first_edition_is_one_that_is_called_so(words: str, is_first: bool):
    assert subject_of(facts(f"Momo {words}")).is_first_edition is is_first


def test_an_isbn_is_read_wherever_it_stands():
    assert subject_of(make_listing_facts(gtin="9780441172719")).isbn == "9780441172719"
    assert subject_of(facts("Dune", ISBN="0-441-17271-7")).isbn == "9780441172719"
    assert subject_of(make_listing_facts(gtin="4006381333931")).isbn == "", "the number of a pen"


def test_aspects_in_other_languages_are_read():
    subject = subject_of(facts("Faust", Buchtitel="Faust", Autor="Goethe", Verlag="Cotta", Erscheinungsjahr="1854"))
    assert (subject.title, subject.author, subject.publisher, subject.year) == ("Faust", "Goethe", "Cotta", 1854)
