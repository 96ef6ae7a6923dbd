"""Series in titles: which parentheses are one, and what is left of the title."""

import pytest

from enrichment.formats import Series
from enrichment.formats.titles import split_title


@pytest.mark.parametrize(
    ("title", "clean", "series"),
    [
        ("Mort (Discworld, #4)", "Mort", [("Discworld", "4")]),
        ("Reaper Man (Discworld, #11; Death, #2)", "Reaper Man", [("Discworld", "11"), ("Death", "2")]),
        ("Men at Arms (Discworld, #15; City Watch #2)", "Men at Arms", [("Discworld", "15"), ("City Watch", "2")]),
        ("Edgedancer (The Stormlight Archive, #2.5)", "Edgedancer", [("The Stormlight Archive", "2.5")]),
        ("Okko (Okko, #1-2)", "Okko", [("Okko", "1-2")]),
        ("Tales (Saga, #1.5-2.5)", "Tales", [("Saga", "1.5-2.5")]),
        ("Two Tales (Saga, #1.1, 1.2)", "Two Tales", [("Saga", "1.1, 1.2")]),
        ("Ритм войны (The Stormlight Archive, #4, Part 1)", "Ритм войны", [("The Stormlight Archive", "4, Part 1")]),
        ("Wolf Hall (Thomas Cromwell #1)", "Wolf Hall", [("Thomas Cromwell", "1")]),
        ("Off to Be the Wizard (Magic 2.0, #1)", "Off to Be the Wizard", [("Magic 2.0", "1")]),
        ("1Q84 (1Q84, #1-3)", "1Q84", [("1Q84", "1-3")]),
        ("Прыжок (Соглашение #3) (Russian Edition)", "Прыжок (Russian Edition)", [("Соглашение", "3")]),
        ("Moon (The Saga (Reissue), #2)", "Moon", [("The Saga (Reissue)", "2")]),
        ("The Chronicles of Narnia (#1-7)", "The Chronicles of Narnia", []),
    ],
)
def test_it_finds_the_series(title, clean, series):
    assert split_title(title) == (clean, tuple(Series(*member) for member in series))


@pytest.mark.parametrize(
    "title",
    [
        "Light of the Jedi (Star Wars: The High Republic)",
        "Why Limit WIP (MemeMachine Series Book 2)",
        "Месть (Канашибари, 4)",
        "Functional Programming (C# in Depth)",
        "Girl #1",
        "#Girlboss",
        "Unbalanced (Series, #1",
        "Unbalanced Series, #1)",
        "(Series, #1)",
        ")" * 1000 + "#",
        "",
    ],
)
def test_it_leaves_other_titles_alone(title):
    assert split_title(title) == (title, ())
