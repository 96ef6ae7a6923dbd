import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbooks.conditions import Grade, foxing_of, spelling_key
from runbooks.reference import seed_reference


@pytest.mark.parametrize(
    ("written", "grade"),
    [
        ("Fine", "FINE"),
        ("F", "FINE"),
        ("mint", "FINE"),
        ("As New", "FINE"),
        ("Like New", "FINE"),
        ("NF", "NEAR_FINE"),
        ("NEAR_FINE", "NEAR_FINE"),
        ("VG+", "NEAR_FINE"),
        ("VG +", "NEAR_FINE"),
        ("very good plus", "NEAR_FINE"),
        ("VG", "VERY_GOOD"),
        ("Very Good", "VERY_GOOD"),
        ("USED_VERYGOOD", "VERY_GOOD"),
        ("Used - Very Good", "VERY_GOOD"),
        ("VG-", "GOOD"),
        ("G+", "GOOD"),
        ("Good.", "GOOD"),
        ("reading copy", "FAIR"),
        ("Acceptable", "FAIR"),
        ("ex library", "POOR"),
        ("Ex-Library", "POOR"),
        # A range is as good as its lower end, a book no better for its jacket.
        ("good to very good", "GOOD"),
        ("VG-NF", "VERY_GOOD"),
        ("VG/Good", "VERY_GOOD"),
        ("Very Good with minor wear, good hinges", "VERY_GOOD"),
        ("Tight; very good indeed", "VERY_GOOD"),
    ],
)
def test_it_reads_a_grade(written, grade):
    assert seed_reference().grade(written) is Grade(grade)


@pytest.mark.parametrize("written", ["", "Used", "Pre-owned", "plate F", "goods inwards", "refined", "see photos"])
def test_it_reads_no_grade_where_there_is_none(written):
    assert seed_reference().grade(written) is None


@pytest.mark.parametrize("grade", Grade)
def test_every_grade_reads_its_own_name(grade):
    assert seed_reference().grade(grade.value) is grade
    assert seed_reference().grade(grade.label.title()) is grade


@given(st.text(max_size=60))
@settings(deadline=None)
def test_a_spelling_is_kept_in_one_way(text):
    assert spelling_key(spelling_key(text)) == spelling_key(text)


@pytest.mark.parametrize(
    ("notes", "foxing"),
    [
        ("", None),
        ("Clean and bright.", None),
        ("Slight foxing to prelims", "some"),
        ("lightly FOXED", "some"),
        ("heavily foxed", "heavy"),
        ("Significant spotting and foxing", "heavy"),
        ("No foxing at all", None),
        ("free from foxing", None),
        ("without any foxing", None),
        ("no tears but foxing throughout", "some"),
        ("No tears. Foxing to the plates.", "some"),
        ("Some foxing to the text. Heavy foxing to the plates.", "heavy"),
    ],
)
def test_it_reads_foxing_and_its_absence(notes, foxing):
    assert foxing_of(notes) == foxing
