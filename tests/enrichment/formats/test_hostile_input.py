"""Hostile input: nothing but a refusal or a bad row ever comes of it."""

import csv
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrichment.formats import BadRow, ExportRefused, LibraryEntry
from tests.shared_data import shared_path

from .exports import GOODREADS_ROW, goodreads, opened, rows, storygraph

bounded = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def survive(data: str | bytes) -> list[LibraryEntry | BadRow]:
    """Return what is read of the data; a refusal has to say where and what to do."""
    try:
        read = rows(data)
    except ExportRefused as refused:
        assert refused.status_hint in (400, 413, 422)
        assert refused.reason and refused.detail.endswith(".")
        return []
    for row in read:
        assert row.number >= 1 and row.line >= 1
        if isinstance(row, BadRow):
            assert row.reason and f"Line {row.line}: " in row.detail
            json.dumps(row.raw, ensure_ascii=False).encode()
        else:
            json.dumps(row.to_json(), ensure_ascii=False).encode()
    return read


@bounded
@given(st.binary(max_size=400))
def test_it_survives_any_bytes(data):
    survive(data)


@bounded
@given(st.binary(max_size=400))
def test_it_survives_any_bytes_below_a_sound_header(data):
    survive(goodreads().encode() + data)


@bounded
@given(st.text(alphabet="\",;\t\n\r\\='ab1\0\u0301é", max_size=400))
def test_it_survives_any_mixture_of_delimiters(text):
    survive(goodreads(generation="23") + text)


@bounded
@given(st.dictionaries(st.sampled_from(sorted(GOODREADS_ROW)), st.text(max_size=60)))
def test_it_reads_any_cells_as_one_row(cells):
    read = survive(
        goodreads({"Title": "Emma"}, {"Title": "Emma"} | cells, {"Title": "Emma"}, quoting=csv.QUOTE_ALL).encode(errors="surrogatepass")
    )
    assert [row.number for row in read] == [1, 2, 3]


@bounded
@given(st.integers(min_value=0, max_value=5_000), st.binary(min_size=1, max_size=8))
def test_it_survives_damage_anywhere(place, damage):
    data = (storygraph(*[{}] * 12) + goodreads()).encode()
    place %= len(data)
    survive(data[:place] + damage + data[place + len(damage) :])


@pytest.mark.shared
def test_it_refuses_each_file_of_the_hostile_csv_corpus():
    files = sorted(shared_path("data", "hostile", "csv").rglob("*.csv"))
    assert len(files) > 20
    for file in files:
        started = time.perf_counter()
        with pytest.raises(ExportRefused) as caught:
            opened(file.read_bytes())
        assert "Line " in caught.value.detail, file
        assert time.perf_counter() - started < 1


@pytest.mark.shared
def test_it_survives_each_naughty_string_in_each_column():
    strings = json.loads(shared_path("data", "hostile", "strings", "blns.json").read_text(encoding="utf-8"))
    assert len(strings) > 500
    for column in GOODREADS_ROW:
        read = survive(goodreads(*({column: text} for text in strings)).encode(errors="surrogatepass"))
        assert len(read) == len(strings)


@pytest.mark.shared
def test_it_survives_scripts_and_formulas_as_titles():
    lines = [
        line
        for parts in (("xss", "JHADDIX_XSS.txt"), ("xss", "BRUTELOGIC-XSS-STRINGS.txt"), ("formula", "payloadbox_csv_payload.txt"))
        for line in shared_path("data", "hostile", *parts).read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    ]
    read = survive(goodreads(*({"Title": line} for line in lines)))
    titles = [row.title for row in read if isinstance(row, LibraryEntry)]
    assert len(read) == len(lines)
    assert "=cmd|' /C notepad'!'A1'" in titles
