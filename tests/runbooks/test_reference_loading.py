"""The reference data that the product comes with, written into the tables beside what staff wrote."""

from __future__ import annotations

import pytest
from django.utils.functional import SimpleLazyObject

from runbooks.evaluating import reference_of
from runbooks.models import Author, EraRow, GradeAlias, Preference, Publisher, RequirementRow
from runbooks.reference import seed_reference
from runbooks.reference_loading import give_first_wishes, load_reference_data
from tests.factories import make_owner

pytestmark = pytest.mark.django_db


def test_the_tables_say_what_the_product_comes_with():
    written = load_reference_data()
    seed, rows = seed_reference(), reference_of(make_owner().pk)
    assert {one.name: (one.tier, one.aliases) for one in rows.publishers} == {one.name: (one.tier, one.aliases) for one in seed.publishers}
    assert {one.name for one in rows.binders} == {one.name for one in seed.binders}
    assert (set(rows.eras), rows.grades) == (set(seed.eras), seed.grades)
    assert written == {
        "publisher": len(seed.publishers), "binder": len(seed.binders), "author": len(seed.authors),
        "era": len(seed.eras), "gradealias": len(seed.grades),
    }  # fmt: skip


def test_loading_again_writes_nothing():
    load_reference_data()
    assert set(load_reference_data().values()) == {0}
    assert set(load_reference_data(overwrite=True).values()) == {0}


def test_what_staff_wrote_stays_unless_told_otherwise():
    load_reference_data()
    Publisher.objects.filter(name="Macmillan").update(tier=3)
    EraRow.objects.filter(name="Victorian").update(first=1830)
    GradeAlias.objects.filter(spelling="vg").update(grade="FAIR")
    Publisher.objects.create(name="Tinsley Brothers", tier=2)
    load_reference_data()
    assert Publisher.objects.get(name="Macmillan").tier == 3
    assert load_reference_data(overwrite=True) == {"publisher": 1, "binder": 0, "author": 0, "era": 1, "gradealias": 1}
    assert (Publisher.objects.get(name="Macmillan").tier, EraRow.objects.get(name="Victorian").first) == (1, 1837)
    assert Publisher.objects.get(name="Tinsley Brothers").tier == 2


def test_a_name_that_shall_not_count_stays_without_a_tier():
    load_reference_data()
    Author.objects.filter(name="John Ruskin").update(tier=None)
    load_reference_data()
    assert reference_of(make_owner().pk).author("John Ruskin").tier is None


def test_a_new_owner_gets_wishes_to_start_from_and_one_who_has_any_does_not():
    new, old = make_owner(), make_owner()
    Preference.objects.create(owner=old, kind="author", name="Charles Dickens")
    assert give_first_wishes(SimpleLazyObject(lambda: new)) == 2, "as the desk hands in who has logged in"
    assert give_first_wishes(new) == 0
    assert give_first_wishes(old) == 0
    assert set(RequirementRow.objects.values_list("owner", "author", "publisher")) == {
        (new.pk, "Wilkie Collins", "Bentley"),
        (new.pk, "Charles Dickens", "Chapman & Hall"),
    }
