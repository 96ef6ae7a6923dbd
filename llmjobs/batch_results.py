"""Read the results of a batch that has ended, as they are streamed, and apply them in chunks; whoever goes on starts where it stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from itertools import islice
from typing import Any, TypeVar, cast

import structlog

from bookops.clock import database_now
from bookops.dispatch import ring
from bookops.outbound.errors import BadAnswer, NotFound
from bookops.runs import ENDED, State
from llmjobs import turns
from llmjobs.applying import CHUNK, Overtaken, Stored, apply_results
from llmjobs.cutting import halve
from llmjobs.doors import open_batches
from llmjobs.ending import end_if_done
from llmjobs.models import LLMJobItem, ProviderBatch
from llmjobs.providers import STILL_OPEN, Batches, BatchSeen, Result, Verdict
from llmjobs.questions import item_id_of
from llmjobs.ticks import add_to_tick

log = structlog.get_logger(__name__)

#: Characters of answers that one chunk holds, so that long ones do not fill the memory.
MOST_TEXT = 4_000_000
#: Seconds that whoever applies a batch has for a chunk.
SECONDS_A_CHUNK = 60.0
#: Seconds until the lines of a batch are read again that hold a word nobody has mapped; often enough to keep its light on.
UNTIL_MAPPED = 600.0


def take_results(batch_id: int, tick_id: int | None = None) -> Stored:
    """Apply what a batch came to, if it has ended and nobody else is at it; counted with the tick that found it ended.

    Raises one of the four errors when its provider cannot be read; what was applied stays, and the next call goes on behind it.
    """
    with turns.turn(f"batch:{batch_id}", SECONDS_A_CHUNK) as mine:
        batch = ProviderBatch.objects.exclude(state__in=ENDED).exclude(provider_id="").filter(pk=batch_id).first()
        if mine is None or batch is None:
            return Stored()
        provider = open_batches(batch.provider)
        seen = provider.look(batch.provider_id)
        if seen.verdict in STILL_OPEN:
            return Stored()
        if seen.is_too_large and halve(batch):
            _ring_job(batch.job_id)
            return Stored()
        taking = _Taking(batch, seen, lambda: turns.keep(mine, SECONDS_A_CHUNK))
        try:
            taking.take(provider)
        except Overtaken:
            log.info("batch_overtaken", batch=batch_id)
        finally:
            if tick_id is not None:
                add_to_tick(tick_id, updated=taking.stored.moved, unmapped=taking.unmapped)
    if end_if_done(batch.job_id) and tick_id is not None:
        add_to_tick(tick_id, resolved=[str(batch.job_id)])
    return taking.stored


class _Taking:
    """Take the results of one batch."""

    def __init__(self, batch: ProviderBatch, seen: BatchSeen, keep_turn: Callable[[], bool]) -> None:
        self.batch = batch
        self.seen = seen
        self.stored = Stored()
        #: How often a line said a word that nobody has mapped, or that it is not done, and whose lines those are.
        self.unmapped: Counter[str] = Counter()
        self._kept_open: set[int] = set()
        #: Whether a line was of one of its items.
        self._names_items = False
        self._keep_turn = keep_turn

    def take(self, provider: Batches) -> None:
        """Apply all results, then say of each item without one what became of it, then end the batch.

        It stays open for items whose line is no last word, so that they have until its time limit, and its lines are read again.
        Raises BadAnswer where a batch that was worked through names none of its items: what was read cannot have been its results.
        """
        verdict, reason, detail = self.seen.verdict, self.seen.reason, self.seen.detail
        if verdict == Verdict.ANSWERED:
            verdict, reason, detail = self.seen.rest, "", ""
            if verdict == Verdict.FAILED:
                reason, detail = "missing", "The results hold no line for it."
            try:
                started_behind = self.batch.lines_applied
                self._stream(provider)
                if started_behind and self._open_items().exists():
                    # Their order is not ours to rely on: what is missing may stand before the place where we went on.
                    ProviderBatch.objects.filter(pk=self.batch.pk).update(lines_applied=0)
                    self.batch.lines_applied = 0
                    self.unmapped.clear()
                    self._stream(provider)
                if verdict == Verdict.FAILED and not self._names_items and self._open_items().exists():
                    raise BadAnswer("its results name none of its items", reason="unexpected_shape", source=self.batch.provider)
            except NotFound as error:
                verdict, reason, detail = Verdict.LOST, "results_gone", error.detail
        without = [pk for pk in self._open_items().values_list("pk", flat=True) if pk not in self._kept_open]
        for start in range(0, len(without), CHUNK):
            said = Result("", verdict, self.seen.status, reason=reason, detail=detail)
            self.stored += apply_results(self.batch.job_id, dict.fromkeys(without[start : start + CHUNK], said), batch=self.batch)
        if self._kept_open and self._open_items().exists():
            self._look_again()
        else:
            self._end()

    def _stream(self, provider: Batches) -> None:
        lines = islice(provider.results(self.seen), self.batch.lines_applied, None)
        for some in read_ahead(_portions(lines)):
            results: dict[int, Result] = {}
            for result in some:
                item_id = item_id_of(result.custom_id, self.batch)
                if item_id is None:
                    continue
                self._names_items = True
                if result.verdict in STILL_OPEN:
                    self.unmapped[result.status[:40]] += 1
                    self._kept_open.add(item_id)
                else:
                    results.setdefault(item_id, result)
            self.stored.ignored += len(some) - len(results)
            self.stored += apply_results(self.batch.job_id, results, batch=self.batch, first=self._bookmark(len(some)))
            self._keep_turn()

    def _bookmark(self, lines: int) -> Callable[[], None]:
        """Return what moves the bookmark on, in the transaction that applies these lines, and stops whoever comes second."""
        before = self.batch.lines_applied
        self.batch.lines_applied = before + lines

        def move() -> None:
            still_here = ProviderBatch.objects.filter(pk=self.batch.pk, lines_applied=before).exclude(state__in=ENDED)
            if not still_here.update(lines_applied=before + lines):
                raise Overtaken

        return move

    def _open_items(self) -> Any:
        return LLMJobItem.objects.filter(batch=self.batch, state=State.RUNNING, stage=LLMJobItem.Stage.PROCESSING).order_by("pk")

    def _look_again(self) -> None:
        ProviderBatch.objects.filter(pk=self.batch.pk).exclude(state__in=ENDED).update(
            next_at=database_now() + timedelta(seconds=UNTIL_MAPPED), reason="unmapped_status", detail=f"Its lines say {', '.join(self.unmapped)}"[:500],
        )  # fmt: skip

    def _end(self) -> None:
        answered = self.seen.verdict == Verdict.ANSWERED
        ProviderBatch.objects.filter(pk=self.batch.pk).exclude(state__in=ENDED).update(
            state=State.SUCCEEDED if answered else State.FAILED,
            provider_status=self.seen.status[:40],
            provider_counts=dict(self.seen.counts),
            output_file_id=self.seen.output_file_id,
            error_file_id=self.seen.error_file_id,
            reason=self.seen.reason[:40],
            detail=self.seen.detail[:500],
            ended_at=database_now(),
            lease_owner=None,
            lease_until=None,
            ring_at=None,
        )


def note_seen(batch: ProviderBatch, seen: BatchSeen, tick_id: int | None = None) -> None:
    """Note how far a batch is and when to ask again; one that has ended is rung for, and again each time it is seen so."""
    from llmjobs.tasks import take_results as ring_for

    now = database_now()
    ProviderBatch.objects.filter(pk=batch.pk).exclude(state__in=ENDED).update(
        provider_status=seen.status[:40],
        provider_counts=dict(seen.counts),
        last_polled_at=now,
        next_at=now + timedelta(seconds=_seconds_until_next(batch, seen, now)),
        reason="unmapped_status" if seen.verdict == Verdict.UNMAPPED else "",
        detail=seen.detail[:500] if seen.verdict == Verdict.UNMAPPED else "",
    )
    if seen.verdict not in STILL_OPEN:
        ring(ring_for, batch.pk, tick_id)


#: A batch is asked at each tick at first, and then every two minutes.
YOUNG = timedelta(minutes=10)
SECONDS_BETWEEN = 120.0


def _seconds_until_next(batch: ProviderBatch, seen: BatchSeen, now: Any) -> float:
    if seen.verdict not in STILL_OPEN:
        return 0.0
    is_young = batch.sent_at is None or now - batch.sent_at < YOUNG
    return max(0.0 if is_young else SECONDS_BETWEEN, seen.ask_again or 0.0)


def _portions(lines: Iterator[Result]) -> Iterator[list[Result]]:
    """Yield results in chunks, none of them with more text than fits."""
    some: list[Result] = []
    size = 0
    for line in lines:
        some.append(line)
        size += len(line.text)
        if len(some) == CHUNK or size >= MOST_TEXT:
            yield some
            some, size = [], 0
    if some:
        yield some


T = TypeVar("T")


def read_ahead(source: Iterator[T]) -> Iterator[T]:
    """Yield what a source yields, each read by a thread of its own while the one before is worked on; it must not use the database.

    The provider and the database are so waited for at once and not in turn.
    """
    end = object()

    def read() -> object:
        return next(source, end)

    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming = thread.submit(copy_context().run, read)
        while (one := coming.result()) is not end:
            coming = thread.submit(copy_context().run, read)
            yield cast(T, one)


def _ring_job(job_id: Any) -> None:
    from llmjobs.tasks import work_on_job

    ring(work_on_job, str(job_id))
