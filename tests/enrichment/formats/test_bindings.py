"""Bindings: what kind of book they mean, in the languages of real exports."""

import pytest

from enrichment.formats.bindings import categorise_binding


@pytest.mark.parametrize(
    ("category", "bindings"),
    [
        (
            "paperback",
            [
                "Paperback",
                "paperback",
                "Mass Market Paperback",
                "Capa Mole",
                "Broché",
                "Bìa mềm",
                "Tapa blanda",
                "Pasta blanda",
                "Livro de Bolso",
                "ペーパーバック",
            ],
        ),
        (
            "hardcover",
            [
                "Hardcover",
                "hardcover",
                "Library Binding",
                "Board Book",
                "Leather Bound",
                "Capa dura",
                "Hardcover, Sewn Binding, Paper Dust Jacket",
            ],
        ),
        ("ebook", ["Kindle Edition", "ebook", "Nook", "digital", "Kindle Paperback"]),
        ("audiobook", ["Audible Audio", "Audiobook", "Audio CD", "Audio Cassette", "MP3 CD", "audio"]),
        ("other", ["Magazine", "Collection", "CD-ROM", "a copy my aunt bound in cork" + "!" * 5000]),
        ("", ["", "Unknown Binding", "unknown binding "]),
    ],
)
def test_it_knows_what_kind_of_book_a_binding_means(category, bindings):
    assert {binding: categorise_binding(binding) for binding in bindings} == dict.fromkeys(bindings, category)
