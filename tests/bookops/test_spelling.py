from time import process_time

import pytest

from bookops.spelling import fold, normal_author, normal_title, script
from tests.enrichment.planted_matches import well_known


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mort (Discworld, #4; Death, #1)", "Mort"),
        ("Dune (Dune #1)", "DUNE"),
        ("The Hobbit", "Hobbit, The"),
        ("The Road: A Novel", "Road"),
        ("Les Misérables (Penguin Classics)", "Les Miserables"),
        ("Guns, Germs & Steel", "Guns Germs and Steel"),
        ("Ender’s Game", "Enders Game"),
        ("Slaughterhouse-Five", "Slaughterhouse 5"),
        ("1984", "Nineteen Eighty-Four"),
        ("One Hundred Years of Solitude", "100 Years of Solitude"),
        ("Henry IV, Part Two", "Henry 4 Part 2"),
        ("Sapiens: A Brief History of Humankind", "Sapiens - A Brief History of Humankind"),
        ("Frankenstein; or, The Modern Prometheus", "Frankenstein, or The Modern Prometheus"),
        ("Dune　（Dune, #1）", "Dune"),
        ("Ёжик в тумане", "Ежик в тумане"),
        ("می‌روم", "مي روم"),
    ],
)
def test_two_spellings_of_one_title_are_one_key(one: str, other: str):
    assert normal_title(one) == normal_title(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dune", "Dune Messiah"),
        ("Foundation", "Foundation and Empire"),
        ("Mistborn", "Mistborn: Secret History"),
        ("Dune", "Dune: The Graphic Novel"),
        ("Naruto, Vol. 1", "Naruto, Vol. 2"),
        ("Naruto (Naruto, #1)", "Naruto (Naruto, #2)"),
        ("Rama", "Rama II"),
        ("C++ Primer", "C# Primer"),
        ("ガラス", "カラス"),
        ("हिंदी", "हद"),
    ],
)
def test_two_titles_are_two_keys(one: str, other: str):
    assert normal_title(one) != normal_title(other)


@pytest.mark.parametrize("title", [book.title for book in well_known()])
def test_a_titles_key_does_not_depend_on_case_and_spaces(title: str):
    assert (
        normal_title(title.upper()) == normal_title(title.lower()) == normal_title(f"  {title.replace(' ', '  ')} ") == normal_title(title)
    )


@pytest.mark.parametrize("title", ["", "   ", "(Dune, #1)", "???", "#", "(((", "\u202e", "A", "The", "💔"])
def test_no_title_breaks_the_key(title: str):
    assert normal_title(title) == normal_title(f"{title} ")


def test_a_title_of_signs_keeps_a_key():
    assert normal_title("???") != ""
    assert normal_title("💔") != normal_title("❤")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("J.R.R. Tolkien", "Tolkien, J. R. R."),
        ("JRR Tolkien", "J.R.R.     Tolkien"),
        ("Liu Cixin", "Cixin Liu"),
        ("Kurt Vonnegut Jr.", "Jr., Kurt Vonnegut"),
        ("Gabriel García Márquez", "Gabriel Garcia Marquez"),
        ("Emily Brontë", "EMILY BRONTE"),
        ("Dr. Seuss", "Seuss"),
        ("Jo Nesbø", "Jo Nesbo"),
        ("Stanisław Lem", "Stanislaw Lem"),
    ],
)
def test_two_spellings_of_one_person_are_one_key(one: str, other: str):
    assert normal_author(one) == normal_author(other)


@pytest.mark.parametrize(("one", "other"), [("Frank Herbert", "Brian Herbert"), ("Ann Leckie", "Anne Leckie"), ("村上 春樹", "村上 龍")])
def test_two_people_are_two_keys(one: str, other: str):
    assert normal_author(one) != normal_author(other)


def test_folding_leaves_words():
    assert fold("  Ça & là — «L’Étranger»! ") == "ca and la letranger"
    assert fold("straße_42") == "strasse 42"


@pytest.mark.parametrize(
    ("text", "name"),
    [("Dune", "latin"), ("Café", "latin"), ("Война", "cyrillic"), ("村上", "han"), ("노벨", "hangul"), ("کتاب", "arabic"), ("", "latin")],
)
def test_it_tells_the_script(text: str, name: str):
    assert script(text) == name


@pytest.mark.parametrize("text", ["one" + " hundred" * 5_000, "(" * 50_000, " (#1)" * 20_000, "a. " * 50_000, "i" * 100_000, "\ud800"])
def test_hostile_text_costs_little(text: str):
    started = process_time()
    normal_title(text)
    normal_author(text)
    assert process_time() - started < 0.5
