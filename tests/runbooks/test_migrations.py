"""What the migrations make of rows that earlier releases have left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command

from runbooks.models import ListingImage
from tests.runbooks.factories import make_listing


@pytest.fixture
def first_release(transactional_db: None) -> Iterator[None]:
    """Have the tables as the first release had them; afterwards as they are now."""
    call_command("migrate", "runbooks", "0001", verbosity=0)
    yield
    call_command("migrate", "runbooks", verbosity=0)


def test_of_a_picture_that_was_kept_twice_the_latest_row_stays_it(first_release: None):
    listing, other = make_listing(), make_listing(key="ebay:2")
    rows = [
        ListingImage.objects.create(listing=whose, position=0, source_url=url, key=url, digest=digest, fate=fate)
        for whose, url, digest, fate in [
            (listing, "former", "one", "kept"),
            (listing, "aside", "one", "quarantined"),
            (listing, "now", "one", "kept"),
            (listing, "lost", "", "refused"),
            (other, "now", "one", "kept"),
        ]
    ]
    call_command("migrate", "runbooks", verbosity=0)
    for row in rows:
        row.refresh_from_db()
    assert [row.digest for row in rows] == ["", "", "one", "", "one"]
    assert [(row.fate, row.reason) for row in rows[:3]] == [("skipped", "duplicate"), ("quarantined", ""), ("kept", "")]
