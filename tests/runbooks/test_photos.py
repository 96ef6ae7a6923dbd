"""Photos that are put aside and taken back, by whom and why."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from runbooks.models import ListingImage
from runbooks.photos import quarantine, restore, restore_claudes
from tests.runbooks.evaluated import make_runbook

pytestmark = pytest.mark.django_db

Fate = ListingImage.Fate


@pytest.fixture
def runbook():
    return make_runbook()


def photo(runbook, fate: str = Fate.KEPT, **changes: object) -> ListingImage:
    listing = runbook.copy.listing
    return ListingImage.objects.create(
        **{"listing": listing, "position": listing.images.count(), "key": "photos/a/full.jpg", "fate": fate} | changes
    )


def test_a_photo_is_put_aside_with_who_and_why_and_taken_back(runbook):
    image = photo(runbook)
    assert quarantine(image, by=runbook.owner, why="a stamp collection")
    assert (image.fate, image.reason, image.said_by) == ("quarantined", "a stamp collection", str(runbook.owner))
    assert not quarantine(image, by=runbook.owner, why="again")
    assert restore(image, by=runbook.owner)
    # That a person said so keeps Claude from putting it aside again.
    assert (image.fate, image.said_by, image.key) == ("kept", str(runbook.owner), "photos/a/full.jpg")
    assert not restore(image, by=runbook.owner)


def test_each_is_a_version_of_the_runbook(runbook):
    image = photo(runbook)
    quarantine(image, by=runbook.owner, why="a stamp collection")
    version = runbook.versions.first()
    assert (version.cause, version.by) == ("photos", runbook.owner)
    assert version.document["listing"]["images"][0]["fate"] == "quarantined"


def test_what_claude_put_aside_is_taken_back_together_and_what_a_person_did_is_not(runbook):
    claudes = [photo(runbook, Fate.QUARANTINED, said_by="claude") for _ in range(2)]
    persons = photo(runbook, Fate.QUARANTINED, said_by="ada")
    assert restore_claudes(runbook.copy.listing, by=runbook.owner) == 2
    assert {ListingImage.objects.get(pk=one.pk).fate for one in claudes} == {"kept"}
    assert ListingImage.objects.get(pk=persons.pk).fate == "quarantined"
    assert restore_claudes(runbook.copy.listing, by=runbook.owner) == 0


def test_a_banner_that_a_rule_skipped_can_be_taken_in_and_a_refused_picture_cannot(runbook):
    assert restore(photo(runbook, Fate.SKIPPED, said_by="rule"), by=runbook.owner)
    assert not restore(photo(runbook, Fate.REFUSED, key=""), by=runbook.owner)


def test_putting_aside_asks_for_a_reason(runbook):
    with pytest.raises(ValidationError):
        quarantine(photo(runbook), by=runbook.owner, why=" ")
