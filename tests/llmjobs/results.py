"""What tests of answers start from: items that a provider works on, and providers that say what a test tells them to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from bookops.bulk import write_fields
from bookops.clock import database_now
from bookops.language_models import LanguageModel, price_on
from bookops.outbound.sdk_usage import Usage
from bookops.runs import State
from bookops.spend import Account, hold
from llmjobs.holding import purses_of
from llmjobs.models import LLMJob, LLMJobItem, ProviderBatch
from llmjobs.providers import BatchSeen, Result, Verdict
from llmjobs.questions import custom_id_of
from tests.llmjobs.factories import OPENAI_BATCH, items_of, make_rendered_job

#: Tokens of one answer, and microdollars held for it.
USAGE = Usage(1000, 100)
HELD = 5_000


def flagging(flagged: bool = True, reason: str = "A box set.", confidence: float = 0.9, notes: str = "") -> str:
    """Return an answer of the purpose `flag`."""
    return json.dumps({"flagged": flagged, "flagged_reason": reason if flagged else "", "confidence": confidence, "notes": notes})


def answer(name: str, text: str | None = None, **more: Any) -> Result:
    """Return an answered question."""
    text = flagging() if text is None else text
    return Result(name, Verdict.ANSWERED, "completed", text, **{"usage": USAGE, "raw": {"id": name, "status": "completed"}} | more)


def word(name: str, verdict: Verdict, **more: Any) -> Result:
    """Return any other word of a provider."""
    return Result(name, verdict, more.pop("status", str(verdict)), **more)


def make_sent_job(books: int = 3, **plan: Any) -> LLMJob:
    """Return a job whose items are all at their provider in the background, with money held for each."""
    job = make_rendered_job(books, **plan)
    send(job, items_of(job))
    job.refresh_from_db()
    return job


def make_sent_batch(books: int = 3, **plan: Any) -> ProviderBatch:
    """Return a batch at its provider with all items of a new job."""
    job = make_rendered_job(books, **{"ask": OPENAI_BATCH} | plan)
    items = items_of(job)
    now = database_now()
    batch = ProviderBatch.objects.create(
        job=job, provider=items[0].provider, way="batch", model=items[0].model, requests=len(items), provider_id=f"batch_{job.pk}",
        provider_status="in_progress", state=State.RUNNING, sending_at=now, sent_at=now, started_at=now,
    )  # fmt: skip
    send(job, items, batch)
    return batch


def send(job: LLMJob, items: list[LLMJobItem], batch: ProviderBatch | None = None) -> None:
    """Have items be at their provider, in the background or in a batch, with money held for each."""
    now = database_now()
    LLMJob.objects.filter(pk=job.pk).update(submitted_at=now)
    for item in items:
        item.state, item.stage, item.attempts, item.batch = State.RUNNING, LLMJobItem.Stage.PROCESSING, 1, batch
        item.provider_task_id = "" if batch else f"resp_{item.pk}"
        item.sending_at = item.submitted_at = now
        item.held, item.held_on = HELD, now.date()
        item.price = price_on(now.date(), LanguageModel.objects.get(provider=item.provider, name=item.model))
    hold(purses_of(job, now.date()), HELD * len(items))
    write_fields(
        items, ["state", "stage", "attempts", "batch", "provider_task_id", "sending_at", "submitted_at", "held", "held_on", "price"]
    )


def line_of(item: LLMJobItem) -> str:
    """Return the name of an item's line in its batch."""
    assert item.batch is not None
    return custom_id_of(item.batch, item.pk)


def age(row: LLMJob | LLMJobItem | ProviderBatch, **ago: float) -> None:
    """Have a row been submitted so long ago, and polled a moment ago."""
    then = timedelta(**ago)
    field = "sent_at" if isinstance(row, ProviderBatch) else "submitted_at"
    type(row)._default_manager.filter(pk=row.pk).update(**{field: F(field) - then}, last_polled_at=database_now())


def money() -> tuple[int, int]:
    """Return what is held and spent of all purses; each amount stands in an owner's and in a job's."""
    accounts = Account.objects.all()
    return sum(one.held for one in accounts), sum(one.spent for one in accounts)


class Responses:
    """Answer in the background as told: by `says`, an item's task id to a result or an error; all others are still open."""

    way = "responses"

    def __init__(self, provider: str = "openai", *, seconds: float = 0) -> None:
        self.provider = provider
        self.says: dict[str, Result | Exception] = {}
        self.looks: list[str] = []
        self.cancels: list[str] = []
        self.otherwise: Callable[[str], Result] = lambda task_id: word(task_id, Verdict.OPEN, status="in_progress")
        self._seconds = seconds
        self._lock = threading.Lock()

    def answer_all(self, job: LLMJob, text: str | None = None) -> None:
        for item in items_of(job):
            self.says[item.provider_task_id] = answer(item.provider_task_id, text)

    def submit(self, question: Any, *, flow: str = "") -> Result:
        raise AssertionError("nothing is to be sent")

    def look(self, task_id: str, *, flow: str = "") -> Result:
        time.sleep(self._seconds)
        with self._lock:
            self.looks.append(task_id)
        return self._said(task_id, self.otherwise)

    def cancel(self, task_id: str) -> Result:
        with self._lock:
            self.cancels.append(task_id)
        return self._said(task_id, lambda name: word(name, Verdict.CANCELLED, status="cancelled"))

    def _said(self, task_id: str, otherwise: Callable[[str], Result]) -> Result:
        said = self.says.get(task_id)
        if isinstance(said, Exception):
            raise said
        return said or otherwise(task_id)


class BatchAnswers:
    """Answer batches as told: `seen` is what a look at any of them says, `lines` what its results are."""

    way = "batch"
    most_requests = 50_000
    most_bytes = 200_000_000

    def __init__(self, provider: str = "openai") -> None:
        self.provider = provider
        self.verdict = Verdict.OPEN
        self.status = "in_progress"
        self.more: dict[str, Any] = {}
        self.lines: list[Result | Exception] = []
        self.looks: list[str] = []
        self.cancels: list[str] = []
        self.reads = 0

    def answer_all(self, batch: ProviderBatch, text: str | None = None) -> None:
        self.verdict, self.status = Verdict.ANSWERED, "completed"
        self.lines = [answer(custom_id_of(batch, item.pk), text) for item in items_of(batch.job)]

    def look(self, provider_id: str) -> BatchSeen:
        self.looks.append(provider_id)
        return BatchSeen(provider_id, self.verdict, self.status, **self.more)

    def results(self, seen: BatchSeen) -> Iterator[Result]:
        self.reads += 1
        for line in self.lines:
            if isinstance(line, Exception):
                raise line
            yield line

    def cancel(self, provider_id: str) -> BatchSeen:
        self.cancels.append(provider_id)
        return BatchSeen(provider_id, Verdict.OPEN, "cancelling")

    def find(self, intent: str, *, since: datetime, requests: int) -> list[BatchSeen]:
        return []

    def line(self, question: Any) -> bytes:
        raise AssertionError("nothing is to be sent")

    def upload(self, path: Any) -> str:
        raise AssertionError("nothing is to be sent")

    def create(self, path: Any, file_id: str, *, intent: str, job_id: str) -> BatchSeen:
        raise AssertionError("nothing is to be sent")
