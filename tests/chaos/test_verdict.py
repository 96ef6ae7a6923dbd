"""The figures of the verdict: what counts as an extra call, and what a line says."""

from __future__ import annotations

from typing import Any

from tests.chaos.report import Section, markdown, plain
from tests.chaos.verdict import at_most, extra_calls, none


def call(*keys: str, endpoint: str = "/volumes", source: str = "googlebooks") -> dict[str, Any]:
    return {"source": source, "endpoint": endpoint, "keys": list(keys)}


def test_a_question_asked_again_is_an_extra_call() -> None:
    assert extra_calls({"each_call": [call("a"), call("b"), call("a")]}) == (2.0, 1.0)


def test_of_a_shared_call_only_the_keys_asked_before_are_extra() -> None:
    assert extra_calls({"each_call": [call("a", "b"), call("b", "c", "d", "e")]}) == (1.75, 0.25)


def test_the_same_key_elsewhere_is_another_question() -> None:
    assert extra_calls({"each_call": [call("a"), call("a", endpoint="/search.json")]}) == (2.0, 0.0)


def test_witnesses_do_not_count() -> None:
    assert extra_calls({"each_call": [call("w"), call("w"), call("a")]}, witnesses=["w"]) == (1.0, 0.0)


def test_a_line_that_something_breaks_is_red_and_names_it() -> None:
    line = none("rows lost", ["row 7"])

    assert (line.holds, line.found, line.detail) == (False, 1, "row 7")


def test_a_figure_at_its_bound_holds() -> None:
    assert at_most("seconds to drain", 30.0, 30.0).holds
    assert not at_most("seconds to drain", 30.1, 30.0).holds


def test_both_tables_tell_what_is_red() -> None:
    section = Section("storm", "R1", 1.0, {"faults": {"FLUSHALL": 2}}, [none("rows lost", ["row 7"])])

    assert "  RED rows lost: 1 (0): row 7" in list(plain(section))
    assert "| rows lost | 0 | 1 | **red** row 7 |" in list(markdown([section], "Chaos"))
