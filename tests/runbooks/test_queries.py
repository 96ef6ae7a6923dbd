import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.queries import full_query, simple_query
from runbooks.subject import Subject

PERSONAL_HISTORY = Subject(
    "The Personal History, Adventures and Experience of David Copperfield",
    author="Dickens, Charles (1812-1870)",
    volumes=2,
    binding="Full crushed morocco",
    binder="Bound by Riviere & Son",
    is_first_edition=True,
)


def test_the_full_query_names_all_that_moves_the_price():
    subject = Subject("Bleak House", "Charles Dickens", binder="Zaehnsdorf", volumes=2, binding="half calf", is_first_edition=True)
    assert full_query(subject) == "bleak house dickens 2 volumes calf zaehnsdorf first edition"


def test_the_full_query_has_five_words_of_the_title_and_the_simple_one_six():
    assert full_query(PERSONAL_HISTORY).startswith("personal history adventures experience david dickens 2 volumes morocco riviere")
    assert simple_query(PERSONAL_HISTORY) == "personal history adventures experience david copperfield dickens"


def test_what_is_longer_than_100_characters_loses_the_edition_first():
    subject = Subject(
        "Extraordinarily Incomprehensible Correspondences Circumnavigating Antipodes",
        "A. Featherstonehaugh",
        binder="Zaehnsdorf",
        is_first_edition=True,
    )
    assert full_query(subject) == "extraordinarily incomprehensible correspondences circumnavigating antipodes featherstonehaugh"


@pytest.mark.parametrize(
    ("subject", "query"),
    [
        (Subject("Dickens' Works", "Charles Dickens"), "dickens works"),
        (Subject('Villette (3 vols) -unsigned "x", a*b', "Brontë"), "villette unsigned x b bronte"),
        (Subject("Bleak House", volumes=1), "bleak house"),
        (Subject("The", ""), "the"),
    ],
)
def test_it_holds_words_only_and_each_once(subject, query):
    assert full_query(subject) == query


@given(st.text(max_size=400), st.text(max_size=200), st.text(max_size=200), st.integers(1, 90))
@settings(deadline=None)
def test_no_query_is_longer_than_100_characters_or_holds_an_operator(title, author, binder, volumes):
    subject = Subject(title, author, binder=binder, volumes=volumes, binding="morocco", is_first_edition=True)
    for query in (full_query(subject), simple_query(subject)):
        assert len(query) <= 100
        assert not set(query) & set('-,()"*+@{}[]')
