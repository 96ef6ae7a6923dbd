from __future__ import annotations

import json

import pytest

from bookops.outbound.errors import BadAnswer
from llmjobs.providers import json_lines
from llmjobs.providers.json_lines import read_json, read_lines, read_object


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_are_read_however_they_are_cut_into_pieces(size):
    whole = 'é\n{"a": 1}\n\n{"b": "ü"}'.encode()[3:]
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert list(read_lines(pieces)) == [{"a": 1}, {"b": "ü"}]


@pytest.mark.parametrize("letter", ["\u2028", "\u2029", "\x85"])
def test_only_a_line_feed_ends_a_line(letter):
    line = json.dumps({"text": f"one{letter}two"}, ensure_ascii=False).encode()
    assert list(read_lines([line + b"\n" + line])) == [{"text": f"one{letter}two"}] * 2


def test_a_line_that_cannot_be_read_does_not_end_the_others():
    deep = b"[" * 100_000 + b"]" * 100_000
    assert list(read_lines([b'{"a": 1}\n{"half\n' + deep + b"\n\xff\xfe\n[2]\n"])) == [{"a": 1}, None, None, None, [2]]


def test_a_line_without_an_end_is_given_up(monkeypatch):
    monkeypatch.setattr(json_lines, "LONGEST_LINE", 100)
    with pytest.raises(BadAnswer):
        list(read_lines([b"x" * 60, b"x" * 60]))


def test_what_no_database_stores_is_left_out():
    assert read_json(rb'{"a\u0000": ["\ud800x", "\uDC00", "\\u0000", "\ud83d\ude00"]}') == {"a": ["x", "", "\\u0000", "😀"]}
    assert read_json(b'["a\xed\xa0\x80b", "\xed\x95\x9c"]') == ["ab", "한"]
    assert read_json(b"[NaN, Infinity, -Infinity, 1e999, 1.5]") == [None, None, None, None, 1.5]


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"id": ""}', b'{"id": 1}', b"{", b"<html>"])
def test_an_object_has_an_id(raw):
    with pytest.raises(BadAnswer):
        read_object(raw)


@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<html><h1>We will be back soon</h1></html>", b'{"custom_id": "a", "resp'])
def test_a_stream_without_one_line_of_json_is_no_answer(page):
    with pytest.raises(BadAnswer, match="no line of it is JSON"):
        list(read_lines([page]))


def test_a_stream_without_lines_is_an_empty_one():
    assert list(read_lines([b"", b"\n"])) == []
