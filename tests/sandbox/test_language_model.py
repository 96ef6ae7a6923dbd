from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.hijacked_model import MODES, hijacked_answer
from sandbox.language_model import Prompt, answer, count_tokens
from tests.sandbox.anthropic_client import FLAG

GENRES = ["Fantasy", "Science Fiction", "History", "Biography", "Cookery"]
CHOOSING = {"type": "object", "properties": {"genres": {"type": "array", "items": {"enum": GENRES}, "maxItems": 3}}, "required": ["genres"]}


def flag(text: str, model: str = "a-model") -> dict[str, Any]:
    flagged: dict[str, Any] = answer(Prompt(model, text, schema=FLAG))
    return flagged


@pytest.mark.parametrize(
    ("text", "flagged"),
    [
        ("Flag box sets and companions.\nTitle: Dune\nAuthor: Frank Herbert", False),
        ("Title: Dune Boxed Set\nAuthor: Frank Herbert", True),
        ("Title: The Dune Companion\nAuthor: Donald Palumbo", True),
        ("Title: Summary of Dune\nAuthor: QuickRead", True),
        ("Title: Dune, Books 1-3\nAuthor: Frank Herbert", True),
        ("Title: Dune\nAuthor:", True),
        ("Title: Dune\nAuthor: Unknown", True),
        ('{"title": "Dune", "authors": ["Frank Herbert"]}', False),
        ('{"title": "Dune: a Study Guide", "authors": ["Somebody"]}', True),
        ("<title>Dune</title><author>Frank Herbert</author>", False),
    ],
)
def test_it_flags_what_is_not_the_book(text: str, flagged: bool) -> None:
    # The view of most models, as one alone may have second thoughts.
    views = [flag(text, f"model-{number}")["flagged"] for number in range(9)]
    assert (views.count(True) > 4) is flagged


def test_it_gives_a_reason_only_for_a_flag() -> None:
    assert flag("Title: Dune\nAuthor: Frank Herbert")["flagged_reason"] == ""
    assert "set of several" in flag("Title: Dune Box Set\nAuthor: Frank Herbert")["flagged_reason"]


def test_two_models_differ_now_and_then_and_are_less_sure_then() -> None:
    prompts = [f"Title: Volume {number}\nAuthor: A. Writer" for number in range(300)]
    pairs = [(flag(prompt, "one"), flag(prompt, "another")) for prompt in prompts]
    differing = [pair for pair in pairs if pair[0]["flagged"] != pair[1]["flagged"]]
    assert 10 < len(differing) < 80
    assert all(min(one["confidence"], other["confidence"]) < 0.75 for one, other in differing)
    assert flag(prompts[0], "one") == pairs[0][0]


@pytest.mark.parametrize(
    ("text", "genres"),
    [
        ("Title: A History of Magic\nGenres: fantasy, history", ["Fantasy", "History"]),
        ("Title: The Robot Planet\nDescription: space and galaxies", ["Science Fiction"]),
    ],
)
def test_it_picks_the_genres_that_are_named(text: str, genres: list[str]) -> None:
    picked = [answer(Prompt(f"model-{number}", text, schema=CHOOSING))["genres"] for number in range(5)]
    assert sorted(genres) in [sorted(one) for one in picked]


def test_it_picks_one_of_the_genres_where_none_is_named() -> None:
    picked = {tuple(answer(Prompt(model, "Title: Xyzzy\nAuthor: Q", schema=CHOOSING))["genres"]) for model in ("one", "another")}
    (only,) = picked
    assert len(only) == 1


def test_it_describes_a_book_by_what_it_was_told() -> None:
    said = answer(Prompt("a-model", "Title: Dune\nAuthor: Frank Herbert\nYear: 1965\nDescription: A desert planet. And more."))
    assert said.startswith("Dune is a work by Frank Herbert. It was published in 1965.")
    assert "A desert planet." in said


def test_it_counts_four_letters_a_token() -> None:
    assert [count_tokens(text) for text in ("", "a", "abcd", "abcde")] == [0, 1, 1, 2]


@pytest.mark.parametrize("mode", sorted(set(MODES) - {"extra", "misshapen"}))
def test_a_hijacked_model_keeps_to_types_and_choices(mode: str) -> None:
    schema = {
        "type": "object",
        "properties": {
            "grade": {"enum": ["FINE", "POOR"]},
            "note": {"type": "string"},
            "score": {"type": "number"},
            "list": {"type": "array", "items": {"type": "integer"}},
        },
    }
    said = json.loads(hijacked_answer(Prompt("a-model", "x", schema=schema), mode))
    assert said["grade"] in ("FINE", "POOR")
    assert isinstance(said["note"], str) and all(isinstance(number, int) for number in said["list"])


@pytest.mark.parametrize("mode", ["extra", "misshapen"])
def test_a_hijacked_model_may_break_the_schema(mode: str) -> None:
    said = json.loads(hijacked_answer(Prompt("a-model", "x", schema=FLAG), mode))
    assert set(said) > set(FLAG["properties"]) or not isinstance(said["flagged"], bool)
