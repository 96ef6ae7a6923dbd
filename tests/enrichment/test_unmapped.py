"""Counting the subjects that met no genre."""

import pytest

from enrichment.models import SubjectCount
from enrichment.unmapped import UnmappedSubjects, unmapped
from tests.concurrency import at_once
from tests.factories import import_library, make_facts, make_owner

pytestmark = pytest.mark.django_db(transaction=True)


def counts() -> dict[str, int]:
    return dict(SubjectCount.objects.values_list("subject", "times"))


def test_counts_are_added_to_what_is_there():
    for _ in range(2):
        subjects = UnmappedSubjects()
        subjects.note(["Zork", "Plugh", "Zork"])
        assert subjects.flush(every=0) == 2
    assert counts() == {"Zork": 4, "Plugh": 2}


def test_nothing_is_written_before_its_time():
    subjects = UnmappedSubjects()
    subjects.note(["Zork"])
    assert subjects.flush() == 0
    assert counts() == {}


def test_processes_that_write_at_once_lose_nothing():
    def one():
        subjects = UnmappedSubjects()
        subjects.note(f"subject {number}" for number in range(600))
        subjects.flush(every=0)

    at_once(8, one)
    assert set(counts().values()) == {8}
    assert len(counts()) == 600


def test_the_subjects_of_accepted_records_are_counted(sources):
    unmapped.flush(every=0)
    SubjectCount.objects.all().delete()
    sources.open_library.know(make_facts(subjects=("Fantasy fiction", "Zork and Plugh")))
    import_library(make_owner(), {"Title": "Momo"})
    unmapped.flush(every=0)
    assert counts() == {"Zork and Plugh": 1}
