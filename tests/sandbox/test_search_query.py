from __future__ import annotations

import pytest

from sandbox.search_query import AllOf, AnyOf, BadQuery, Term, parse, select


def test_it_reads_a_field_with_a_list_of_words() -> None:
    assert parse("isbn:(1 OR 2)") == AnyOf((Term("isbn", "1", False), Term("isbn", "2", False)))


def test_it_binds_and_closer_than_or_with_or_without_the_word() -> None:
    assert parse('title:"a b" AND author:c OR d e') == AnyOf(
        (AllOf((Term("title", "a b", True), Term("author", "c", False))), AllOf((Term("", "d", False), Term("", "e", False))))
    )


def test_it_takes_escaped_letters_as_themselves() -> None:
    assert parse(r'title:"say \"no\"" AND what\:ever\(') == AllOf((Term("title", 'say "no"', True), Term("", "what:ever(", False)))


@pytest.mark.parametrize("text", ["", "title:", "(a", "a)", "OR a", "a OR", 'title:"unclosed'])
def test_it_refuses_what_has_no_meaning(text: str) -> None:
    with pytest.raises(BadQuery):
        parse(text)


def test_it_selects_by_meeting_and_joining_sets() -> None:
    sets = {"a": {1, 2}, "b": {2, 3}, "c": {9}}
    assert select(parse("(a AND b) OR c"), lambda term: sets[term.text]) == {2, 9}
