import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.naming import firm_name, is_same_person, jaccard, last_name, main_title, person_words, title_likeness, title_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Chapman & Hall, Ltd.", ("chapman", "hall")),
        ("London: Chapman and Hall, 1859", ("chapman", "hall")),
        ("Rivière & Son", ("riviere",)),
        ("Bound by Bayntun (Riviere), Bath", ("bayntun", "bath")),
        ("O.U.P.", ("oup",)),
        ("D. Appleton and Company", ("appleton",)),
        ("& Co", ("co",)),
        ("", ()),
    ],
)
def test_a_firm_has_the_words_that_tell_it_from_others(name, words):
    assert firm_name(name) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Dickens, Charles (1812-1870)", ("charles", "dickens")),
        ("Dickens, Charles, 1812-1870", ("charles", "dickens")),
        ("Sir Walter Scott, Bart.", ("walter", "scott")),
        ("Charles Darwin, M.A., F.R.S.", ("charles", "darwin")),
        ("Titmarsh, M. A.", ("m", "a", "titmarsh")),
        ("Charlotte Brontë", ("charlotte", "bronte")),
        ("", ()),
    ],
)
def test_a_person_has_names_in_order_without_titles_and_years(name, words):
    assert person_words(name) == words
    assert last_name(name) == (words[-1] if words else "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dickens, Charles", "Charles Dickens"),
        ("C. Dickens", "Charles Dickens"),
        ("Charles John Huffam Dickens", "Charles Dickens"),
        ("Emily Brontë", "BRONTE, EMILY"),
    ],
)
def test_two_names_are_one_person(one, other):
    assert is_same_person(one, other)
    assert is_same_person(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Emily Brontë", "Charlotte Brontë"),
        ("Dickens", "Charles Dickens"),
        ("M. Collins", "Wilkie Collins"),
        ("", "Charles Dickens"),
        ("", ""),
    ],
)
def test_two_names_are_two_persons(one, other):
    assert not is_same_person(one, other)


def test_a_title_is_its_words_without_volumes_and_small_words():
    assert title_words("The Life of Samuel Johnson, LL.D. (Everyman) Vol. II") == ("life", "samuel", "johnson", "ll", "d")
    assert title_words("Of the") == ("of", "the")
    assert main_title("Middlemarch: A Study of Provincial Life") == "Middlemarch"


@pytest.mark.parametrize(
    ("one", "other", "likeness"),
    [
        ("The Pickwick Papers", "Pickwick Papers", 1.0),
        ("Modern Painters, Vol. 1", "Modern Painters, Volume Two", 1.0),
        ("Modern Painters", "Modern British Painters", 2 / 3),
        ("Modern Painters, Vol. 1", "Modern Painters, Vol. III", 1.0),
        ("Bleak House", "Hard Times", 0.0),
        ("", "", 0.0),
    ],
)
def test_titles_are_alike_by_their_words(one, other, likeness):
    assert title_likeness(one, other) == pytest.approx(likeness)


@given(st.frozensets(st.text(max_size=3), max_size=6), st.frozensets(st.text(max_size=3), max_size=6))
@settings(deadline=None)
def test_jaccards_index_is_the_same_both_ways_and_1_for_the_same_words(ours, theirs):
    assert jaccard(ours, theirs) == jaccard(theirs, ours)
    assert 0 <= jaccard(ours, theirs) <= 1
    assert (jaccard(ours, theirs) == 1) == (bool(ours) and ours == theirs)
