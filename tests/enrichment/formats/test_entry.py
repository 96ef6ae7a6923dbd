"""Entries: they survive the way into the database and back."""

import json

from enrichment.formats import LibraryEntry

from .exports import goodreads, only_entry, storygraph


def test_it_comes_back_from_json_as_it_was():
    entries = [
        only_entry(goodreads({"Date Read": "2021/01/01", "My Rating": "x"})),
        only_entry(storygraph({"Contributors": "Ann (Narrator), Bob", "Moods": "dark", "Dates Read": "2021/01/02-, 2021", "Tags": "a, b"})),
        LibraryEntry(number=1, line=2, source_format="goodreads", title="Emma"),
    ]
    assert [LibraryEntry.from_json(json.loads(json.dumps(entry.to_json()))) for entry in entries] == entries


def test_it_writes_no_empty_values():
    entry = LibraryEntry(number=1, line=2, source_format="goodreads", title="Emma", owned_copies=0)
    assert entry.to_json() == {"number": 1, "line": 2, "source_format": "goodreads", "title": "Emma", "owned_copies": 0}


def test_it_ignores_keys_of_later_versions():
    assert LibraryEntry.from_json({"number": 1, "line": 2, "source_format": "goodreads", "title": "Emma", "smell": "old"}).title == "Emma"
