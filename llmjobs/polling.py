"""The poller: one tick asks the providers what has become of what they were sent, and applies what they say.

A tick, step by step:
0. What was cancelled, deleted or given up here is stopped at its provider.
1. Batches that are due are asked once each; one that has ended is handed to `batch_results`.
2. Background items are asked, the least recently asked first; jobs share the tick by their priorities.
3. What has taken too long since its submission is given up.
4. Jobs whose last item has ended are ended.

All calls go out together (`asking`), so that none of these waits for another. A tick ends within TICK_SECONDS: the last of them go to
storing, and what is neither asked nor stored by then is asked for by the next tick.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile
from typing import Any

import structlog
from django.conf import settings
from django.db import OperationalError
from django.db.models import Case, Exists, F, FloatField, OuterRef, Q, Value, When, Window
from django.db.models.functions import Cast, RowNumber

from bookops.clock import database_now
from bookops.connections import let_go
from bookops.dispatch import ring
from bookops.outbound.errors import SourceError
from bookops.runs import ENDED, State, wait_before
from bookops.source_health import health
from llmjobs import turns
from llmjobs.applying import CHUNK, apply_results
from llmjobs.asking import Call, Reply, ask_all
from llmjobs.batch_results import note_seen
from llmjobs.doors import open_background, open_batches
from llmjobs.ending import end_if_done
from llmjobs.models import LLMJob, LLMJobItem, PollTick, ProviderBatch
from llmjobs.providers import STILL_OPEN, BatchSeen, Result, Verdict
from llmjobs.ticks import add_to_tick
from llmjobs.time_limits import give_up_overdue, overdue_batches

log = structlog.get_logger(__name__)

TURN = "poll"
#: Seconds beyond its budget that a tick may need to store what it has heard.
TO_STORE = 15.0
#: Of a tick's seconds, those in which anything is asked; the rest is for storing what came last.
TO_ASK = 0.9
#: Things stopped at providers in one tick.
MOST_STOPPED = 2_000
#: Background items that one tick asks for, whatever the number of jobs; more than it has time for.
MOST_ASKED = 20_000
#: Heard answers are stored at least so often, in seconds.
STORE_EVERY = 1.0
#: Of two jobs with items to ask for, one with ten more points of priority gets four turns for one of the other's.
WEIGHT_OF_TEN = 4.0
MOST_WEIGHT = 64.0


def tick() -> PollTick | None:
    """Do one round and return its figures, None if another poller is at one. Three queries when nothing is at work."""
    began = time.monotonic()
    record = PollTick(started_at=database_now())
    if not is_anything_at_work():
        record.save()
        return record
    with turns.turn(TURN, settings.TICK_SECONDS + TO_STORE) as mine:
        if mine is None:
            return None
        # Until it has its turn it may have waited, for a connection say: a tick begins here, and so does its budget.
        began, record.started_at = time.monotonic(), database_now()
        record.save()
        _Round(record, began).run()
        record.seconds = round(time.monotonic() - began, 3)
        record.save(update_fields=["seconds", "jobs_polled", "items_polled", "errors", "throttled", "cut_short"])
        add_to_tick(record.pk, updated=record.items_updated, resolved=record.jobs_resolved, unmapped=record.unmapped)
    log.info("polled", jobs=record.jobs_polled, items=record.items_polled, updated=record.items_updated, errors=record.errors)
    return record


def poll_now() -> None:
    """Ring for a tick without waiting for beat's next one."""
    from llmjobs.tasks import poll

    ring(poll)


def is_anything_at_work() -> bool:
    """Say whether any job, batch or given-up item may need the poller. One query."""
    batches = ProviderBatch.objects.exclude(state__in=ENDED)
    left = LLMJobItem.objects.left_there()
    return LLMJob.objects.filter(Q(state=State.RUNNING) | Exists(batches) | Exists(left)).exists()


def look_at(item_id: int) -> bool:
    """Ask for one background item now, as a webhook says that it has ended; return whether that moved it.

    Raises one of the four errors when its provider cannot be asked; the next tick does.
    """
    item = LLMJobItem.objects.at_provider().filter(pk=item_id, batch=None).first()
    if item is None:
        return False
    result = open_background(item.provider).look(item.provider_task_id, flow=str(item.job_id))
    if result.verdict in STILL_OPEN:
        return False
    stored = apply_results(item.job_id, {item.pk: result})
    end_if_done(item.job_id)
    return bool(stored.moved)


class _Round:
    """Do one tick."""

    def __init__(self, record: PollTick, began: float) -> None:
        self.record = record
        self._ask_until = began + TO_ASK * settings.TICK_SECONDS
        self._stop_at = began + settings.TICK_SECONDS
        self._jobs: set[Any] = set()
        self._unmapped: Counter[str] = Counter()
        self._final: dict[Any, dict[int, Result]] = defaultdict(dict)
        self._open: dict[str, list[int]] = defaultdict(list)
        self._failed: list[tuple[int, SourceError]] = []
        self._stored_at = time.monotonic()
        self._asked = 0
        self._unstored = 0

    def run(self) -> None:
        """Do the steps that the module names."""
        now = database_now()
        calls = [*self._stopping(now), *self._batches(now), *self._background(now)]
        let_go()
        for reply in ask_all(calls, at_once=settings.CONCURRENT_BATCH_SIZE, stop_at=self._ask_until, wait=STORE_EVERY):
            if reply is not None:
                self._hear(reply)
            self._store_some()
        self._store_all()
        self.record.cut_short = bool(self._unstored) or (self._asked < len(calls) and time.monotonic() >= self._ask_until)
        self.record.jobs_polled, self.record.unmapped = len(self._jobs), dict(self._unmapped)
        touched = self._jobs | give_up_overdue(database_now())
        running = LLMJob.objects.filter(state=State.RUNNING, pk__in=touched)
        # What there is no time for here is ended by the sweeper.
        in_time = takewhile(lambda _: not self._is_over(), running.values_list("pk", flat=True))
        self.record.jobs_resolved = [str(job_id) for job_id in in_time if end_if_done(job_id)]
        LLMJob.objects.filter(pk__in=self._jobs).update(last_polled_at=now)
        health.flush()

    # What to ask.

    def _stopping(self, now: datetime) -> Iterator[Call]:
        left = LLMJobItem.objects.left_there().filter(next_at__lte=now).order_by("last_polled_at", "pk")
        for item in left.only("provider", "provider_task_id", "job_id")[:MOST_STOPPED]:
            yield Call(item.provider, item, partial(_cancel_item, item.provider, item.provider_task_id))
        batches = ProviderBatch.objects.exclude(state__in=ENDED).filter(cancel_asked_at=None).exclude(provider_id="")
        unwanted = Q(job__state__in=ENDED) | Q(job__deleted_at__isnull=False) | Q(pk__in=overdue_batches(now).values("pk"))
        for batch in batches.filter(unwanted)[:MOST_STOPPED]:
            yield Call(batch.provider, _Stopped(batch), partial(_cancel_batch, batch.provider, batch.provider_id))

    def _batches(self, now: datetime) -> Iterator[Call]:
        due = ProviderBatch.objects.filter(state=State.RUNNING, lease_owner=None, next_at__lte=now).exclude(provider_id="")
        for batch in due.order_by(F("last_polled_at").asc(nulls_first=True), "pk"):
            yield Call(batch.provider, batch, partial(_look_at_batch, batch.provider, batch.provider_id))

    def _background(self, now: datetime) -> Iterator[Call]:
        for item in to_ask(now):
            yield Call(item.provider, item, partial(_look_at_item, item.provider, item.provider_task_id, str(item.job_id)))

    # What came back.

    def _hear(self, reply: Reply) -> None:
        self._asked += 1
        self.record.throttled += reply.was_throttled
        about, error = reply.call.about, reply.error
        if error is not None and not reply.was_throttled:
            self.record.errors += 1
        if isinstance(about, _Stopped):
            if error is None:
                ProviderBatch.objects.filter(pk=about.batch.pk).update(cancel_asked_at=database_now())
            return
        self.record.items_polled += 1
        self._jobs.add(about.job_id)
        if error is not None:
            self._note_failure(about, error)
        elif isinstance(about, ProviderBatch):
            self._hear_batch(about, reply.said)
        else:
            self._hear_item(about, reply.said)

    def _hear_batch(self, batch: ProviderBatch, seen: BatchSeen) -> None:
        if seen.verdict == Verdict.UNMAPPED:
            self._unmapped[seen.status] += 1
        note_seen(batch, seen, self.record.pk)

    def _hear_item(self, item: LLMJobItem, result: Result) -> None:
        if result.verdict == Verdict.UNMAPPED:
            self._unmapped[result.status] += 1
        if result.verdict in STILL_OPEN:
            self._open[result.status[:40]].append(item.pk)
        else:
            self._final[item.job_id][item.pk] = result

    def _note_failure(self, about: LLMJobItem | ProviderBatch, error: SourceError) -> None:
        if isinstance(about, ProviderBatch):
            now = database_now()
            ProviderBatch.objects.filter(pk=about.pk).update(last_polled_at=now, reason=error.reason[:40], detail=error.detail[:500])
        else:
            self._failed.append((about.pk, error))

    # What is stored.

    def _store_some(self) -> None:
        for job_id in [job_id for job_id, results in self._final.items() if len(results) >= CHUNK]:
            self._apply(job_id)
        if time.monotonic() - self._stored_at >= STORE_EVERY:
            self._store_all()

    def _store_all(self) -> None:
        """Store what was heard, a statement or a chunk at a time; what there is no time for is dropped, and heard again by the next tick."""
        now = database_now()
        to_store = [
            *(partial(self._apply, job_id) for job_id in list(self._final)),
            *(partial(_note_open, status, ids, now) for status, ids in self._open.items()),
            *(partial(_note_failed, pk, error, now) for pk, error in self._failed),
        ]
        for store in to_store:
            if self._is_over():
                self._unstored += 1
            else:
                store()
        self._final.clear()
        self._open.clear()
        self._failed.clear()
        self._stored_at = time.monotonic()

    def _is_over(self) -> bool:
        return time.monotonic() >= self._stop_at

    def _apply(self, job_id: Any) -> None:
        try:
            self.record.items_updated += apply_results(job_id, self._final.pop(job_id)).moved
        except OperationalError as error:
            # Two transactions that waited for each other, say: nothing of it is stored, and the next tick asks again.
            log.warning("results_not_stored", run_id=str(job_id), error=type(error).__name__)
            self.record.errors += 1


class _Stopped:
    """Mark a batch that is to be stopped, and not looked at."""

    def __init__(self, batch: ProviderBatch) -> None:
        self.batch = batch


def to_ask(now: datetime) -> Iterable[LLMJobItem]:
    """Return the background items that are due, in the order of asking: by turns among jobs, in a job the least recently asked first."""
    turn = Window(RowNumber(), partition_by=F("job_id"), order_by=[F("last_polled_at").asc(nulls_first=True), F("pk").asc()])
    due = LLMJobItem.objects.at_provider().filter(batch=None, next_at__lte=now).exclude(provider_task_id="")
    priorities = LLMJob.objects.filter(Exists(due.filter(job=OuterRef("pk")))).values_list("priority", flat=True)
    weights = [When(job__priority=priority, then=Value(_weight(priority))) for priority in set(priorities)]
    if not weights:
        return []
    taking_turns = due.annotate(turn=turn).filter(turn__lte=settings.MAX_ITEMS_PER_JOB)
    place = Cast(F("turn"), FloatField()) / Case(*weights, default=Value(1.0), output_field=FloatField())
    return taking_turns.annotate(place=place).order_by("place", "pk").only("provider", "provider_task_id", "job_id")[:MOST_ASKED]


def _note_open(status: str, ids: Sequence[int], now: datetime) -> None:
    LLMJobItem.objects.filter(pk__in=ids).update(
        last_polled_at=now, polls=F("polls") + 1, provider_status=status, reason="", detail="", next_at=now
    )


def _note_failed(pk: int, error: SourceError, now: datetime) -> None:
    items = LLMJobItem.objects.filter(pk=pk)
    later = now + timedelta(seconds=wait_before(1, getattr(error, "retry_after", None)))
    items.update(last_polled_at=now, polls=F("polls") + 1, next_at=later)
    items.filter(state=State.RUNNING).update(reason=error.reason[:40], detail=error.detail[:500])


def _weight(priority: int) -> float:
    return min(max(WEIGHT_OF_TEN ** (priority / 10), 1 / MOST_WEIGHT), MOST_WEIGHT)


def _look_at_item(provider: str, task_id: str, flow: str) -> Result:
    return open_background(provider).look(task_id, flow=flow)


def _cancel_item(provider: str, task_id: str) -> Result:
    return open_background(provider).cancel(task_id)


def _look_at_batch(provider: str, provider_id: str) -> BatchSeen:
    return open_batches(provider).look(provider_id)


def _cancel_batch(provider: str, provider_id: str) -> BatchSeen:
    return open_batches(provider).cancel(provider_id)
