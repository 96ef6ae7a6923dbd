from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.relevance import judge
from runbooks.sources.records import Money, Offer
from runbooks.subject import Subject

BLEAK_HOUSE = Subject("Bleak House", "Charles Dickens", volumes=2, year=1853, binding="Half calf")
EMMA = Subject("Emma", "Jane Austen", volumes=1, year=1841, binding="full morocco")


def offer(title, **facts):
    return Offer("ebay", "asking", title, Money(Decimal(100), "USD"), **facts)


@pytest.mark.parametrize(
    "title",
    [
        "Charles Dickens - Bleak House - 2 vols - half calf - 1853",
        "DICKENS: Bleak House. In three volumes. Half-leather",
        "Bleak House by Dickens, complete in 2 volumes, half morocco, 1868 reprint",
        "Dickens BLEAK HOUSE 2 vols half calf facsimile dust jacket",
        "Dickens Bleak House 2 vols half calf, a lot of charm, lots of plates",
    ],
)
def test_the_same_work_in_a_like_form_says_much(title):
    found = judge(BLEAK_HOUSE, offer(title))
    assert (found.level, found.is_junk) == ("high", False)


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("Dickens Bleak House 2 vols full morocco", "full leather"),
        ("Dickens Bleak House 2 vols original cloth", "cloth"),
        ("Dickens Bleak House 2 vols 1853", "not said"),
        ("Dickens Bleak House half calf 1853", "how many volumes"),
        ("Dickens Bleak House 20 vols half calf", "in 20 volumes"),
    ],
)
def test_the_same_work_in_another_form_says_less(title, why):
    found = judge(BLEAK_HOUSE, offer(title))
    assert found.level == "medium"
    assert why in found.why


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("Dickens Bleak House Vol. II half calf", "volume 2 alone"),
        ("Dickens Bleak House volume 1 of 2 vols half calf", "volume 1 alone"),
        ("Dickens Bleak House half calf 2 vols lacking vol. 2", "not a complete set"),
        ("Dickens Bleak House 2 vols half calf 1985", "printed in 1985"),
        ("Dickens Bleak House Easton Press leather", "press of our time"),
        ("Dickens Hard Times half calf", "another work by Charles Dickens"),
        ("A Companion to Dickens' Bleak House", "about the work"),
        ("Bleak House abridged Dickens", "made from it"),
    ],
)
def test_a_part_a_reprint_or_another_work_of_the_author_says_little(title, why):
    found = judge(BLEAK_HOUSE, offer(title))
    assert (found.level, found.is_junk) == ("low", False)
    assert why in found.why


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("Dickens Bleak House facsimile of the first edition", "facsimile"),
        ("Dickens Bleak House Print on Demand", "printed on demand"),
        ("Bleak House (Classic Reprint) Dickens", "facsimile"),
        ("Dickens Bleak House reprint", "a reprint"),
        ("Lot of 5 Dickens books with Bleak House half calf", "a lot"),
        ("Dickens Bleak House Hard Times book lot", "a lot"),
        ("Bleak House Dickens audiobook", "no book"),
        ("Bleak House Dickens Audio CD", "no book"),
        ("Bleak House DVD BBC", "no book"),
        ("The Adventures of Sherlock Holmes", "another work"),
    ],
)
def test_what_is_no_copy_of_the_work_is_junk(title, why):
    found = judge(BLEAK_HOUSE, offer(title))
    assert (found.level, found.is_junk) == ("low", True)
    assert why in found.why


def test_what_the_copy_is_itself_is_no_junk():
    facsimile = Subject("Bleak House facsimile", "Charles Dickens", volumes=2, binding="half calf")
    assert judge(facsimile, offer("Dickens Bleak House facsimile 2 vols half calf")).level == "high"
    modern = Subject("Bleak House", "Charles Dickens", publisher="Easton Press", year=1985, binding="full leather")
    assert judge(modern, offer("Bleak House Dickens Easton Press leather 1985")).level == "high"


def test_the_same_volume_of_a_set_is_the_same_book():
    odd = Subject("Modern Painters, Vol. II", "John Ruskin", binding="cloth")
    assert judge(odd, offer("Ruskin, Modern Painters, Volume 2, cloth")).level == "high"


@pytest.mark.parametrize(
    ("title", "aspects", "level", "is_junk", "why"),
    [
        ("Ruskin, Modern Painters, Volume 3, cloth", {}, "medium", False, "the same work, but it is volume 3, not volume 2"),
        ("Ruskin, Modern Painters, Volume III only, odd volume, cloth", {}, "medium", False, "volume 3, not volume 2"),
        ("Ruskin, Modern Painters, Vol. 3, cloth", {"Number of Volumes": "5"}, "medium", False, "volume 3, not volume 2"),
        ("Ruskin, Modern Painters, 5 vols, cloth", {}, "low", True, "more of the set than volume 2"),
        ("Ruskin, Modern Painters, cloth", {"Number of Volumes": "5"}, "low", True, "more of the set than volume 2"),
        ("Ruskin, Modern Painters, Vols. 1-2 of 5, cloth", {}, "low", True, "more of the set than volume 2"),
        ("Ruskin, Modern Painters, cloth", {}, "low", False, "does not say which volumes"),
    ],
)
def test_beside_one_volume_another_says_something_and_a_set_nothing(title, aspects, level, is_junk, why):
    found = judge(Subject("Modern Painters, Vol. II of 5", "John Ruskin", binding="cloth"), offer(title, aspects=aspects))
    assert (found.level, found.is_junk) == (level, is_junk)
    assert why in found.why


def test_two_volumes_of_three_are_like_two_of_three():
    two = Subject("Modern Painters, Vols. 1-2 of 3", "John Ruskin", volumes=2, binding="cloth")
    assert judge(two, offer("Ruskin, Modern Painters, Vols. 1-2 of 3, cloth")).level == "high"
    assert judge(two, offer("Ruskin, Modern Painters, Vols. 2-3, cloth")).level == "medium"
    assert judge(two, offer("Ruskin, Modern Painters, Vol. 2, cloth")).why == "volume 2 alone"
    assert judge(two, offer("Ruskin, Modern Painters, 3 vols, cloth")).is_junk
    three = Subject("Modern Painters, Vols. 1-3 of 5", "John Ruskin", volumes=3, binding="cloth")
    assert judge(three, offer("Ruskin, Modern Painters, Vols. 4-5, cloth")).why == "volumes 4, 5 alone"
    whole = Subject("Modern Painters", "John Ruskin", volumes=3, binding="cloth")
    assert judge(whole, offer("Ruskin, Modern Painters, Vols. 1-2 of 3, cloth")).why == "volumes 1, 2 alone"
    assert judge(whole, offer("Ruskin, Modern Painters, Vols. 1-3, cloth")).level == "high"


@pytest.mark.parametrize("year", ["1849", "1890", "1910", "1949"])
def test_a_printing_of_another_era_is_comparable(year):
    found = judge(BLEAK_HOUSE, offer(f"Dickens Bleak House 2 vols half calf {year}"))
    assert found.level == "high", "filtering by era rejected everything"


def test_facts_beside_the_title_count_as_the_title_does():
    aspects = {"Author": "Charles Dickens", "Binding": "Half Leather", "Number of Volumes": "2", "Publication Year": "1853"}
    assert judge(BLEAK_HOUSE, offer("Bleak House antique", aspects=aspects)).level == "high"
    assert judge(BLEAK_HOUSE, offer("Bleak House antique", aspects=aspects | {"Publication Year": "1994"})).why == "printed in 1994"


def test_another_authors_work_of_that_name_is_junk():
    found = judge(BLEAK_HOUSE, offer("Bleak House half calf 2 vols", aspects={"Author": "J. Smith"}))
    assert found.is_junk
    assert found.why == "a work by J. Smith, not by Charles Dickens"


def test_a_title_that_many_have_needs_its_author():
    poems = Subject("Poems", "Alfred Tennyson", binding="full morocco")
    assert judge(poems, offer("Poems full morocco 1860")).level == "low"
    assert judge(poems, offer("Tennyson Poems full morocco 1860")).level == "high"
    assert judge(EMMA, offer("Emma full morocco 1841")).level == "medium"
    assert judge(EMMA, offer("Emma full morocco 1841 Austen")).level == "high"


def test_a_year_in_a_title_is_no_year_of_printing():
    novel = Subject("1984", "George Orwell", year=1949, binding="full morocco")
    assert judge(novel, offer("1984 George Orwell full morocco")).level == "high"
    assert judge(BLEAK_HOUSE, offer("Dickens Bleak House 2 vols half calf one of 2000 copies")).level == "high"


def test_a_binding_that_is_not_known_cannot_be_like():
    unknown = Subject("Bleak House", "Charles Dickens", volumes=2)
    assert judge(unknown, offer("Dickens Bleak House 2 vols half calf")).level == "medium"


@pytest.mark.parametrize(
    ("title", "author", "short", "other"),
    [
        ("The Posthumous Papers of the Pickwick Club", "Charles Dickens", "Dickens Pickwick Papers", "Dickens Nonesuch Club"),
        (
            "The Life and Adventures of Nicholas Nickleby",
            "Charles Dickens",
            "Dickens Nicholas Nickleby",
            "Dickens Life Adventures Chuzzlewit",
        ),
        (
            "The History of England from the Accession of James II",
            "T. B. Macaulay",
            "Macaulay History of England",
            "Macaulay Essays, England",
        ),
        ("On the Origin of Species by Means of Natural Selection", "Charles Darwin", "Darwin Origin of Species", "Darwin Selection"),
    ],
)
def test_a_long_title_is_known_by_what_sellers_leave_of_it(title, author, short, other):
    subject = Subject(title, author, binding="half calf")
    assert judge(subject, offer(f"{short}, half calf")).level == "high"
    assert judge(subject, offer(f"{other}, half calf")).why == f"another work by {author}"


def test_one_isbn_is_one_work():
    subject = Subject("Bleak House", "Charles Dickens", isbn="9780141439723", binding="cloth", year=1996)
    assert judge(subject, offer("Schwarzes Haus, cloth", isbn="9780141439723")).level == "high"


@given(
    st.text(max_size=600), st.text(max_size=100), st.dictionaries(st.sampled_from(["Author", "Binding", "Format"]), st.text(max_size=80))
)
@settings(deadline=None)
def test_every_offer_is_judged_with_a_reason(title, author, aspects):
    found = judge(Subject(title[:50] or "x", author), offer(title, aspects=aspects))
    assert found.level in ("high", "medium", "low")
    assert 0 < len(found.why) <= 300
    assert not found.is_junk or found.level == "low"
