from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.sources.plain_text import LONGEST_HTML, LONGEST_TEXT, plain_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Two &amp; <b>three</b></p><br>four<ul><li>a<li>b</ul>", "Two & three\n\nfour\n\na\nb"),
        ("<div>One\n   line</div>\r\n<div>and another</div>", "One line\n\nand another"),
        ("<table><tr><td>Binding</td><td>Morocco</td></tr><tr><td>Year</td><td>1859</td></tr></table>", "Binding Morocco\n\nYear 1859"),
        ("Before<script>alert('<p>')</script> after<style>p{}</style><!-- <p>never</p> --> end", "Before after end"),
        ("shown<script>never closed <p>text", "shown"),
        ("<SCRIPT>x</ScRiPt >İ<P>y", "İ\ny"),
        ('<img src="data:image/png;base64,AAAA" alt="x">Foxed<o:p></o:p>', "Foxed"),
        ("3 < 4 and 5 > 4 &lt;b&gt;", "3 < 4 and 5 > 4 <b>"),
        ("No markup:\n\n\n\nbut lines ", "No markup:\n\nbut lines"),
        ("<p>in\u200bvisible\u202e\U000e0041\u00ad \u0000text\u200c</p>", "invisible text\u200c"),
        ("", ""),
    ],
)
def test_it_reads_what_a_person_would_see(markup, text):
    assert plain_text(markup) == text


@pytest.mark.parametrize(
    "piece", ["<div>", "<", "<!--", "<!", "</", "<a ", "<a b='", "&", "&#", "<script></script>", "<script>", " \n", "\u200b", "<p", "a<b>"]
)
def test_no_markup_takes_more_than_linear_time(piece):
    started = time.process_time()
    assert len(plain_text(piece * (LONGEST_HTML // len(piece)))) <= LONGEST_TEXT
    assert time.process_time() - started < 2.0  # quadratic time would be minutes


@given(st.text("<>/!-&;#abpscriptdv \n\"'=", max_size=300))
def test_any_text_is_read(markup):
    text = plain_text(markup)
    assert text == text.strip()
    assert "\n\n\n" not in text
