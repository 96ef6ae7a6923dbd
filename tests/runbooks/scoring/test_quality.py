from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.reference import Wishes, seed_reference
from runbooks.scoring import look_up
from runbooks.scoring.quality import quality_score
from runbooks.subject import HeldCopy, Holdings, Subject
from tests.runbooks.scoring.copies import SPLENDID, evidence_of


@pytest.mark.parametrize(
    ("facts", "key", "points"),
    [
        ({"publisher": "Macmillan & Co."}, "publisher_tier", 25),
        ({"publisher": "Routledge"}, "publisher_tier", 10),
        ({"publisher": "Tinsley"}, "publisher_tier", 0),
        ({"binder": "Zaehnsdorf"}, "binder_tier", 30),
        ({"binder": "Bumpus"}, "binder_tier", 15),
        ({"binder": "A. Nobody"}, "binder_tier", 0),
        ({"publisher": "Macmillan", "binder": "Zaehnsdorf"}, "both_tier_1", 10),
        ({"publisher": "Macmillan", "binder": "Bumpus"}, "both_tier_1", 0),
        ({"publisher": "Routledge", "binder": "Zaehnsdorf"}, "both_tier_1", 0),
        ({"year": 1799}, "era", 0),
        ({"year": 1800}, "era", 15),
        ({"year": 1901}, "era", 15),
        ({"year": 1902}, "era", 0),
        ({"condition": "Near Fine"}, "condition", 15),
        ({"condition": "VG+"}, "condition", 15),
        ({"condition": "Good"}, "condition", 10),
        ({"condition": "Fair"}, "condition", 0),
        ({"volumes": 2, "is_complete": True}, "complete", 10),
        ({"volumes": 2, "is_complete": False}, "complete", 0),
        ({"author": "Charles Darwin"}, "author_priority", 15),
        ({"author": "Wilkie Collins"}, "author_priority", 10),
        ({"author": "John Ruskin"}, "author_priority", 5),
        ({"author": "Anthony Trollope"}, "author_priority", 0),
    ],
)
def test_a_fact_gives_its_points(facts, key, points):
    assert quality_score(evidence_of(**facts))[key].points == points


@pytest.mark.parametrize("written", ["Very Good", "VERY_GOOD", "very good", "VG", "Used - Very Good", "Very Good; hinges sound"])
def test_a_grade_scores_in_whatever_words_a_model_or_seller_puts_it(written):
    # "Very Good" is not "VERY_GOOD", and once lost its points for that.
    assert quality_score(evidence_of(condition=written))["condition"].points == 10


def test_five_volumes_take_nothing_away():
    small, large = (quality_score(evidence_of(volumes=volumes, is_complete=True)) for volumes in (4, 5))
    assert small.total == large.total
    assert large["many_volumes"].points == 0


def test_a_title_that_is_owned_already_takes_30_points_away():
    owned = HeldCopy("Bleak House", "Dickens, Charles")
    score = quality_score(evidence_of(owned, author="Charles Dickens"))
    assert score["duplicate"].points == -30
    assert "Bleak House" in score["duplicate"].why


@pytest.mark.parametrize(
    ("owned", "title"),
    [
        (HeldCopy("Bleak House", "Wilkie Collins"), "Bleak House"),
        (HeldCopy("Hard Times", "Charles Dickens"), "Bleak House"),
        # Two volumes of one set are no duplicates of each other.
        (HeldCopy("Bleak House, Vol. 1", "Charles Dickens"), "Bleak House, Vol. 2"),
    ],
)
def test_another_book_is_no_duplicate(owned, title):
    assert quality_score(evidence_of(owned, author="Charles Dickens", title=title))["duplicate"].points == 0


def test_a_copy_is_no_duplicate_of_itself_once_it_is_acquired():
    owned = HeldCopy("Bleak House", "Charles Dickens", key="7")
    assert quality_score(evidence_of(owned, author="Charles Dickens", key="7"))["duplicate"].points == 0


def test_copies_that_are_only_evaluated_or_removed_are_no_duplicates():
    copies = [HeldCopy("Bleak House", "Charles Dickens", status=status) for status in ("EVALUATING", "REMOVED", "SOLD", "CANCELED")]
    evidence = look_up(Subject("Bleak House", author="Charles Dickens"), seed_reference(), Holdings.of(copies))
    assert quality_score(evidence)["duplicate"].points == 0


def test_each_preference_gives_ten_points():
    wishes = Wishes(preferred_authors=("Dickens",), preferred_publishers=("Chapman and Hall",), preferred_binders=("ZAEHNSDORF",))
    evidence = look_up(Subject("Bleak House", **SPLENDID), seed_reference().with_wishes(wishes), Holdings())
    score = quality_score(evidence)
    assert [score[f"preferred_{kind}"].points for kind in ("author", "publisher", "binder")] == [10, 10, 10]
    assert [quality_score(evidence_of(**SPLENDID))[f"preferred_{kind}"].points for kind in ("author", "publisher", "binder")] == [0, 0, 0]


def test_an_owners_tier_goes_before_the_shared_one():
    reference = seed_reference().with_wishes(Wishes(author_tiers={"Dickens": 1, "Anthony Trollope": 3, "John Ruskin": None}))
    points = [
        quality_score(look_up(Subject("A book", author=author), reference, Holdings()))["author_priority"].points
        for author in ("Charles Dickens", "A. Trollope", "Ruskin, John", "Charles Darwin")
    ]
    assert points == [15, 5, 0, 15]


def test_it_is_kept_below_100_and_above_nothing():
    assert quality_score(evidence_of(**SPLENDID)).total == 100
    poor = evidence_of(HeldCopy("Bleak House", "A. Nobody"), author="A. Nobody", volumes=3, is_complete=False)
    assert sum(line.points for line in quality_score(poor).criteria) == -30
    assert quality_score(poor).total == 0


@given(
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from(["", "Fine", "Good", "Poor"]),
    st.integers(1700, 2000),
    st.booleans(),
)
@settings(deadline=None)
def test_no_line_gives_more_than_its_most(publisher_tier, binder_tier, condition, year, complete):
    seed = seed_reference()
    publisher = next((one.name for one in seed.publishers if one.tier == publisher_tier), "")
    binder = next((one.name for one in seed.binders if one.tier == binder_tier), "")
    evidence = evidence_of(publisher=publisher, binder=binder, condition=condition, year=year, is_complete=complete)
    score = quality_score(evidence)
    assert all(line.points <= line.most and line.why for line in score.criteria)
    assert 0 <= score.total <= 100
    assert quality_score(replace(evidence, is_complete=True)).total >= score.total
