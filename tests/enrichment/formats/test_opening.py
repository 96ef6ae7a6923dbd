"""Opening an export: what is settled before its first row, what is refused, and how it is streamed."""

import gzip
import io
import time
import tracemalloc
from contextlib import suppress

import pytest

from enrichment.formats import BadRow, ExportRefused, LibraryEntry, check_export, open_export
from enrichment.formats.goodreads import Goodreads

from .exports import GOODREADS_ROW, goodreads, only_entry, opened, rows, storygraph, write


def refusal(data: str | bytes, **limits) -> ExportRefused:
    with pytest.raises(ExportRefused) as caught:
        opened(data, **limits)
    assert caught.value.detail.endswith((".", "”."))
    return caught.value


# What is read, because it is certain.


@pytest.mark.parametrize(("delimiter", "line_end"), [(",", "\n"), (";", "\r\n"), ("\t", "\r"), (",", "\r\n")])
def test_it_reads_each_delimiter_and_line_end(delimiter, line_end):
    export = opened(goodreads({}, {"Title": "A, B; C\tD"}, delimiter=delimiter, lineterminator=line_end))
    assert (export.delimiter, [(entry.title, entry.line) for entry in export]) == (
        delimiter,
        [(GOODREADS_ROW["Title"], 2), ("A, B; C\tD".replace("\t", " "), 3)],
    )


def test_it_believes_a_declared_delimiter():
    entry = only_entry("sep=;\r\n" + goodreads(delimiter=";", lineterminator="\r\n"))
    assert (entry.author, entry.line) == ("Terry Pratchett", 3)


@pytest.mark.parametrize(("codec", "name"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16")])
def test_it_reads_each_certain_encoding(codec, name):
    export = opened(goodreads({"Title": "悉达多 🜁"}).encode(codec))
    assert (export.encoding, [entry.title for entry in export]) == (name, ["悉达多 🜁"])


def test_it_reads_a_code_page_whose_bytes_mean_the_same_in_all_of_them():
    text = goodreads({"Author": "André Müller", "Publisher": "Die Andere Straße", "My Review": "He’s “good” – 9–5 pages"})
    export = opened(text.encode("cp1252"))
    [entry] = export
    assert (export.encoding, entry.author, entry.publisher) == ("cp1252", "André Müller", "Die Andere Straße")
    assert entry.my_review == "He’s “good” – 9–5 pages"


@pytest.mark.parametrize(
    ("title", "codec"),
    [
        ("El otoño", "cp1252"),  # the byte is ń in cp1250
        ("Čapek", "cp1250"),
        ("Аэропорт", "cp1251"),
        ("Война и мир, и", "koi8-r"),
        ("悉达多", "gbk"),
        ("悉达多", "shift-jis"),
        ("Οδύσσεια", "cp1253"),
        ("María", "mac-roman"),
        ("España", "mac-roman"),
        ("Müller", "cp850"),
    ],
)
def test_it_refuses_a_code_page_that_could_be_another(title, codec):
    refused = refusal(goodreads({}, {"Title": title}).encode(codec, errors="replace"))
    # Two bytes of another encoding may happen to be one letter of UTF-8; then the file is taken for a damaged one.
    assert refused.reason in ("encoding_unknown", "encoding_broken") and refused.status_hint == 400
    assert refused.detail.startswith("Line 3") and "UTF-8" in refused.detail


def test_it_reads_columns_by_name_in_any_order_and_case():
    columns = ("extra", *sorted((name.upper() for name in Goodreads.generations["31"]), reverse=True))
    text = write(columns, [{name.upper(): cell for name, cell in GOODREADS_ROW.items()} | {"extra": "x"}])
    export = opened(text)
    [entry] = export
    assert (entry.author, entry.num_pages, entry.date_added.isoformat()) == ("Terry Pratchett", 228, "2021-04-02")
    assert export.warnings == ("Column “extra” is not part of this export and is left out.",)


def test_it_names_the_columns_that_are_missing():
    export = opened("Title,Author,My Rating\nEmma,Jane Austen,5\n")
    assert "Column “Date Read” is missing; the books are read without it." in export.warnings
    [entry] = export
    assert (entry.title, entry.my_rating, entry.date_read, entry.reading_status) == ("Emma", 5, None, "")


@pytest.mark.parametrize("seam", ["", ",", " "])
def test_it_parts_a_header_from_the_first_book_on_its_line(seam):
    export = opened(goodreads({}, {"Title": "Emma"}).replace("BCID\n", f"BCID{seam}"))
    assert [(row.number, row.line, row.title, row.goodreads_id) for row in export] == [
        (1, 1, GOODREADS_ROW["Title"], "34497"),
        (2, 2, "Emma", "34497"),
    ]


def test_it_refuses_a_merged_header_that_it_cannot_part():
    refused = refusal(goodreads({"Date Added": "yesterday"}).replace("BCID\n", "BCID"))
    assert refused.reason == "header_merged" and "Line 1" in refused.detail and "“BCID”" in refused.detail


@pytest.mark.parametrize("generation", ["31", "24", "23"])
def test_it_reads_a_file_without_a_header_when_its_rows_prove_the_columns(generation):
    export = opened(goodreads({}, {"Author": "Plato", "Author l-f": "Plato, Plato"}, generation=generation).partition("\n")[2])
    assert (export.generation, [(row.line, row.author) for row in export]) == (generation, [(1, "Terry Pratchett"), (2, "Plato")])


def test_it_reads_a_storygraph_file_without_a_header():
    assert opened(storygraph({}, {}).partition("\n")[2]).format == "storygraph"


@pytest.mark.parametrize("change", [{"Author l-f": "Someone Else"}, {"Date Added": ""}, {"Exclusive Shelf": ""}, {"My Rating": "4.5"}])
def test_it_refuses_a_file_without_a_header_when_one_row_disproves_the_columns(change):
    refused = refusal(goodreads({}, change).partition("\n")[2])
    assert (refused.reason, refused.status_hint) == ("header_unknown", 422)


def test_it_undoes_a_second_layer_of_quotes():
    lines = goodreads({"Title": "Guns, Germs, and Steel"}).splitlines()
    layered = "\n".join([lines[0], '"' + lines[1].replace('"', '""') + '"'])
    assert only_entry(layered).title == "Guns, Germs, and Steel"
    assert only_entry("\n".join('"' + line.replace('"', '""') + '"' for line in lines)).title == "Guns, Germs, and Steel"


def test_it_keeps_quotation_marks_that_belong_to_a_title():
    assert only_entry(goodreads({"Title": '"Surely You\'re Joking, Mr. Feynman!"'})).title == '"Surely You\'re Joking, Mr. Feynman!"'


@pytest.mark.parametrize(("proof", "day"), [("5/31/2021", "2021-05-09"), ("31/5/2021", "2021-09-05")])
def test_it_learns_the_order_of_day_and_month_from_the_whole_file(proof, day):
    export = opened(goodreads({"Date Read": "5/9/2021"}, *[{"Date Read": ""}] * 200, {"Date Read": proof}))
    assert next(iter(export)).date_read.isoformat() == day


@pytest.mark.parametrize("others", [[], ["5/31/2021", "31/5/2021"]])
def test_it_guesses_no_order_that_the_file_does_not_prove(others):
    first = next(iter(opened(goodreads({"Date Read": "5/9/2021"}, *({"Date Read": other} for other in others)))))
    assert first.date_read is None and first.warnings[0].reason == "date_swappable"


def test_it_takes_formulas_for_text():
    assert only_entry(goodreads({"Title": "=cmd|' /C notepad'!'A1'", "Number of Pages": "=1+1"})).title == "=cmd|' /C notepad'!'A1'"


# What is refused, with its remedy.


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "file_empty"),
        (b"\xef\xbb\xbf\r\n \n", "file_empty"),
        (b"PK\x03\x04rest", "not_csv"),
        (gzip.compress(b"Title", mtime=0), "not_csv"),
        (b"%PDF-1.7", "not_csv"),
        (b"<!DOCTYPE html><html>", "not_csv"),
        (b'[{"title": "Emma"}]', "not_csv"),
        (goodreads().encode("utf-16-le"), "not_csv"),
        (goodreads().encode("utf-32"), "encoding_unknown"),
        (goodreads({"Title": "Früh"}).encode() + b"\xff\xfe", "encoding_broken"),
        (goodreads({"Title": "Früh"}, {"Title": "ü" * 900_000}).encode()[:-400_001], "encoding_broken"),
        (goodreads().encode("utf-16")[:-1], "encoding_broken"),
    ],
)
def test_it_refuses_what_is_no_text(data, reason):
    refused = refusal(data)
    assert (refused.reason, refused.status_hint) == (reason, 400)


@pytest.mark.parametrize("tail", ["", "\n\n", " \r\n"])
def test_it_refuses_a_header_without_books(tail):
    header = write(Goodreads.generations["31"], [])
    with pytest.raises(ExportRefused) as refused:
        check_export(io.BytesIO((header + tail).encode()), max_bytes=10**6)
    assert (refused.value.reason, refused.value.status_hint) == ("books_missing", 422)
    assert check_export(io.BytesIO((goodreads() + tail).encode()), max_bytes=10**6).format == "goodreads"


def test_it_names_the_line_on_which_utf8_ends():
    data = goodreads({"Title": "Früh"}, {}, {"Title": "Sp@t"}, {}).encode().replace(b"Sp@t", b"Sp\xe4t")
    assert refusal(data).detail.startswith("Line 4 ")


@pytest.mark.parametrize("name", ["books.xlsx", "books.json", "library.CSV.zip"])
def test_it_refuses_a_file_that_is_named_otherwise(name):
    assert refusal(goodreads(), name=name).reason == "not_csv"


@pytest.mark.parametrize("name", ["books.csv", "BOOKS.CSV", "books.tsv", "books", ""])
def test_it_opens_a_file_with_a_fitting_name(name):
    assert opened(goodreads(), name=name).format == "goodreads"


def test_it_refuses_a_large_file():
    refused = refusal(goodreads(), max_bytes=100)
    assert (refused.reason, refused.status_hint) == ("file_too_large", 413)


def test_it_refuses_one_row_too_many_and_not_one_fewer():
    text = goodreads({}, {"My Review": "one\ntwo\n\nfour"}, {}) + "\n\n"
    assert len(list(opened(text, max_rows=3))) == 3
    refused = refusal(text, max_rows=2)
    assert (refused.reason, refused.status_hint) == ("rows_too_many", 413)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Title,Author\nEmma,Jane Austen\n", "“My Rating”"),
        ("Foo,Bar,Baz\n1,2,3\n", "“Foo”, “Bar”, “Baz”"),
        ("My books,,\n" + goodreads(), "“My books”"),
        ("x" * 100_000, "longer than"),
        (",,,\n", "nothing"),
    ],
)
def test_it_refuses_an_unknown_header_and_names_what_it_misses(text, named):
    refused = refusal(text)
    assert (refused.reason, refused.status_hint) == ("header_unknown", 422)
    assert refused.detail.startswith("Line 1") and named in refused.detail


def test_it_refuses_a_column_that_is_there_twice():
    refused = refusal("Title,Author,My Rating,title\nEmma,Jane Austen,5,Persuasion\n")
    assert (refused.reason, refused.status_hint) == ("column_twice", 422) and "“Title”" in refused.detail


def test_it_refuses_more_than_a_hundred_columns():
    assert refusal("Title,Author,My Rating" + ",x" * 98 + "\n").reason == "columns_too_many"


# How it is streamed.


def test_it_checks_without_reading_rows():
    summary = check_export(io.BytesIO(goodreads({"Title": ""}).encode()), name="books.csv", max_bytes=10_000)
    assert (summary.format, summary.generation, summary.encoding, summary.delimiter) == ("goodreads", "31", "utf-8", ",")
    assert summary.columns == Goodreads.generations["31"]


def test_it_goes_on_where_it_was_left():
    text = goodreads(*({"Book Id": str(number)} for number in range(1, 6)), {"Title": ""})
    export = opened(text)
    whole = list(export)
    assert [row.number for row in whole] == [1, 2, 3, 4, 5, 6]
    for read in range(8):
        assert list(export.rows(start_after=read)) == whole[read:]


def test_it_leaves_the_stream_open():
    stream = io.BytesIO(goodreads().encode())
    list(open_export(stream, max_bytes=10_000, max_rows=10))
    assert not stream.closed


class Endless(io.RawIOBase):
    """Give a Goodreads export of many rows without holding it."""

    def __init__(self, count: int) -> None:
        header, row, _ = goodreads({"My Review": "x" * 400}).split("\n")
        self._header, self._row = f"{header}\n".encode(), f"{row}\n".encode()
        self._size = len(self._header) + count * len(self._row)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        assert (offset, whence) == (0, 0)
        self._at = 0
        return 0

    def readinto(self, buffer) -> int:
        wanted = min(len(buffer), self._size - self._at)
        given = b""
        while len(given) < wanted:
            at = self._at + len(given)
            given += self._header[at:] if at < len(self._header) else self._row[(at - len(self._header)) % len(self._row) :]
        buffer[:wanted] = given[:wanted]
        self._at += wanted
        return wanted


def peak_memory(count: int) -> int:
    tracemalloc.start()
    try:
        assert sum(isinstance(row, LibraryEntry) for row in open_export(Endless(count), max_bytes=50_000_000, max_rows=100_000)) == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_it_needs_no_more_memory_for_a_larger_file():
    assert peak_memory(6_000) < peak_memory(2_000) + 200_000


def test_it_is_not_stalled_by_the_file_that_stalls_the_csv_sniffer():
    # After cpython gh-109638: about 300 bytes of quotation marks and delimiters.
    for data in ('"",' * 100, '",;\t' * 75, "'\"," * 100, '"' * 302, goodreads() + '",,"' * 75):
        started = time.perf_counter()
        with suppress(ExportRefused):
            rows(data)
        assert time.perf_counter() - started < 0.1


def test_every_row_is_an_entry_or_a_bad_row():
    text = goodreads({}, {"Title": ""}, {"Author": ""})
    assert [type(row) for row in rows(text)] == [LibraryEntry, BadRow, LibraryEntry]
