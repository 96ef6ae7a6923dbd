"""A worker that ends at any point of sending: nothing is sent or paid twice, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest

from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.invariants import broken_invariants
from llmjobs import submitting
from llmjobs.doors import standing_in
from llmjobs.models import LLMJob, ProviderBatch
from llmjobs.reconciling import adopt_response
from llmjobs.retention import remove
from llmjobs.sweeping import sweep_jobs
from llmjobs.working import work_on
from tests.llmjobs.crashing import After, Before, InCall, Point, crashes_at
from tests.llmjobs.factories import ANTHROPIC_BATCH, OPENAI_BATCH, RESPONSES, items_of, let_leases_end, make_rendered_job
from tests.llmjobs.paper_providers import PaperBatches, PaperResponses

pytestmark = pytest.mark.django_db(transaction=True)

#: The calls of a job of three items that are sent two at a time.
CALLS = [InCall(call, taken) for call in range(3) for taken in (False, True)]


def all_writes() -> Iterator[Point]:
    """Yield the points around each statement that writes, for ever."""
    for number in count():
        yield Before(number)
        yield After(number)


#: Of these points the tests try every third; `make chaos` tries all, a thousand times.
STRIDE = 3


def responses_survive(point: Point, folder: Path) -> bool:
    """Crash a worker that sends a background job at `point`; see that others end its work. False if it never came to that point."""
    provider = PaperResponses(folder)
    with standing_in(provider), rung_here():
        job = make_rendered_job(3, ask=RESPONSES)
        crashed = crashes_at(point, lambda: work_on(job.pk), provider)
        recover(job)

        times = Counter(one["metadata"]["job_item_id"] for one in provider.taken())
        assert set(times.values()) <= {1}, f"sent twice {point}"
        unknown = [item for item in items_of(job) if item.status == "unknown"]
        assert {item.status for item in items_of(job)} <= {"processing", "unknown"}
        assert all(item.held for item in items_of(job))
        # What was taken is told by its webhook; of the rest nobody ever hears, and it is not sent again by itself.
        for one in provider.taken():
            adopt_response(int(one["metadata"]["job_item_id"]), one["metadata"]["intent"], one["id"])
        left = [item for item in items_of(job) if item.status == "unknown"]
        assert {str(item.pk) for item in left} == {str(item.pk) for item in unknown} - set(times)
        assert broken_invariants() == {}, point
    return crashed


def batches_survive(point: Point, folder: Path, ask: dict) -> bool:
    """Crash a worker that sends a batch job at `point`; see that others end its work. False if it never came to that point."""
    provider = PaperBatches(folder, ask["provider"])
    with standing_in(provider), rung_here():
        job = make_rendered_job(3, ask=ask)
        crashed = crashes_at(point, lambda: work_on(job.pk), provider)
        recover(job)
        if ProviderBatch.objects.filter(provider_id="").exists():
            # It is not at its provider, but a listing may have been behind: it is created when that is certain.
            ProviderBatch.objects.update(sending_at=database_now().replace(year=2020), next_at=database_now())
            recover(job)

        assert len(provider.taken()) == 1, f"{len(provider.taken())} batches {point}"
        assert {item.status for item in items_of(job)} == {"processing"}, point
        assert ProviderBatch.objects.get().provider_id == provider.taken()[0]["id"]
        assert broken_invariants() == {}, point
    return crashed


def recover(job: LLMJob) -> None:
    """Have the sweeper and another worker come by after the leases have ended."""
    for _ in range(2):
        let_leases_end(job)
        LLMJob.objects.update(ring_at=None)
        ProviderBatch.objects.filter(provider_id="").update(next_at=database_now())
        sweep_jobs(database_now())
        work_on(job.pk)


def forget_jobs() -> None:
    """Delete what one crash left, before the next."""
    for job in LLMJob.objects.all():
        remove(job)


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch):
    monkeypatch.setattr(submitting, "AT_ONCE", 2)


@pytest.mark.parametrize("point", CALLS, ids=str)
def test_a_crash_in_a_call_sends_no_item_twice(point, tmp_path):
    assert responses_survive(point, tmp_path)


def test_a_crash_around_any_write_sends_no_item_twice(tmp_path):
    points = 0
    for points, point in enumerate(islice(all_writes(), 0, None, STRIDE)):
        folder = tmp_path / str(points)
        folder.mkdir()
        if not responses_survive(point, folder):
            break
        forget_jobs()
    assert points > 5


@pytest.mark.parametrize("ask", [OPENAI_BATCH, ANTHROPIC_BATCH], ids=["openai", "anthropic"])
@pytest.mark.parametrize("taken", [False, True], ids=["before it is taken", "after it is taken"])
def test_a_crash_while_a_batch_is_created_creates_it_once(ask, taken, tmp_path):
    assert batches_survive(InCall(0, taken), tmp_path, ask)


def test_a_crash_around_any_write_creates_a_batch_once(tmp_path):
    points = 0
    for points, point in enumerate(islice(all_writes(), 0, None, STRIDE)):
        folder = tmp_path / str(points)
        folder.mkdir()
        if not batches_survive(point, folder, OPENAI_BATCH):
            break
        forget_jobs()
    assert points > 5
