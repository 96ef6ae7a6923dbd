"""What must hold, shown by breaking it."""

import json
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command

from bookops.clock import database_now
from bookops.events import RunEvent
from bookops.invariants import broken_invariants, rules
from bookops.runs import State
from enrichment.models import ImportChunk, ImportRow, LibraryImport, RowAttempt
from tests.factories import import_library, make_book, make_facts, make_owner
from tests.fakes import fake_sources

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def library_import() -> LibraryImport:
    """A sound import of three books and a row that could not be read."""
    with fake_sources() as sources:
        sources.open_library.know(make_facts("Book 1"))
        return import_library(make_owner(), {"Title": "Book 1"}, {"Title": "Book 2"}, {"Title": ""}, {"Title": "Book 3"})


def long_ago():
    return database_now() - timedelta(days=1)


def twice(library_import):
    attempt = RowAttempt.objects.filter(outcome="succeeded").first()
    attempt.pk = None
    attempt.save()


def shortened(library_import):
    with default_storage.open(library_import.dashboard_key) as file:
        document = json.load(file)
    document["books"].pop()
    default_storage.save(library_import.dashboard_key, ContentFile(json.dumps(document).encode()))


def open_untried(library_import):
    row = ImportRow.objects.exclude(entry={}).first()
    row.tries.all().delete()
    ImportRow.objects.filter(pk=row.pk).update(state=State.PENDING)


def stuck(library_import):
    ImportRow.objects.update(ended_at=long_ago())
    LibraryImport.objects.update(state=State.RUNNING, stage="enriching", started_at=long_ago())


BREAKS = {
    "an import has as many rows as it has read": lambda one: ImportRow.objects.filter(number=1).delete(),
    "an import that has ended has no row that was never tried": open_untried,
    "an import without open rows comes to its end": stuck,
    "a row is not worked through twice unless somebody asked for it": twice,
    "every row that could be read has a book, and no other has one": lambda one: ImportRow.objects.filter(number=1).update(book=None),
    "a book belongs to the owner of the import that told of it": lambda one: ImportRow.objects.filter(number=1).update(book=make_book()),
    "a chunk has the rows it was made for": lambda one: ImportChunk.objects.update(rows_total=9),
    "a complete dashboard shows each row that could be read, and tells of each that could not": shortened,
    "no running row has been without a sign of life for two leases": lambda one: ImportRow.objects.filter(number=1).update(
        state=State.RUNNING, lease_until=long_ago()
    ),
    "a run that waits or has ended holds no lease": lambda one: ImportRow.objects.filter(number=1).update(
        lease_owner="00000000-0000-4000-8000-000000000000"
    ),
    "a run that has ended says when": lambda one: ImportRow.objects.filter(number=1).update(ended_at=None),
    "the events of a run are numbered from 1 without gaps": lambda one: RunEvent.objects.filter(seq=2).delete(),
}


def test_all_holds_after_an_import(library_import):
    assert broken_invariants() == {}


@pytest.mark.parametrize("rule", BREAKS)
def test_it_names_what_is_broken(rule, library_import):
    BREAKS[rule](library_import)
    assert len(broken_invariants()[rule]) >= 1


def test_every_rule_is_known_to_break_but_the_one_that_the_database_keeps():
    # The other apps' rules are broken beside what they are about.
    assert {*rules("bookops"), *rules("enrichment")} - set(BREAKS) == {"a followed run ends once per opening"}


@pytest.mark.parametrize("broken", [False, True])
def test_the_command_ends_with_a_code_for_scripts(broken, library_import, capsys):
    if broken:
        RunEvent.objects.filter(seq=2).delete()
    with pytest.raises(SystemExit) as end:
        call_command("check_invariants", "--json")
    assert end.value.code == (1 if broken else 0)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [rule for rule, lines in told.items() if lines] == (["the events of a run are numbered from 1 without gaps"] if broken else [])
    with pytest.raises(SystemExit):
        call_command("check_invariants")
    assert ("BROKEN" in capsys.readouterr().out) == broken
