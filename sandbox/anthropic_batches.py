"""Anthropic's message batches: taken whole, worked through in the background, ended by the sandbox's clock.

https://platform.claude.com/docs/en/build-with-claude/batch-processing
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import Any, Literal, Protocol

from sandbox.anthropic_errors import Refusal, invalid
from sandbox.anthropic_messages import identifier
from sandbox.chance import happens, number_of
from sandbox.party import encoded

MOST_REQUESTS = 100_000
HOURS_24 = 86_400.0
DAYS_29 = 29 * HOURS_24
#: Requests and results are kept packed, so many together.
PACK = 500
#: Packs of results that are sent together.
PACKS_AT_ONCE = 4
#: Packed results kept; beyond it the oldest batches are archived early.
MOST_KEPT = 256 << 20
#: How long a call waits for the work on a batch whose time is over, before it says that it is still in progress.
PATIENCE = 0.2

_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
Outcome = Literal["succeeded", "errored", "canceled", "expired"]
#: Answer the params of one request: its custom id, its params and its number in, what stands under "result" out.
Work = Callable[[str, Any, int], dict[str, Any]]


class BatchBehaviour(Protocol):
    """What is set of how batches go."""

    @property
    def batch_seconds(self) -> float: ...
    @property
    def batch_seconds_per_request(self) -> float: ...
    @property
    def cancel_seconds(self) -> float: ...
    @property
    def result_order(self) -> str: ...
    @property
    def duplicate_results(self) -> float: ...
    @property
    def missing_results(self) -> float: ...


@dataclass(slots=True)
class Batch:
    """Hold one batch; what it has become follows from the time and from what was done with it.

    in_progress -> (canceling ->) ended -> archived
    """

    id: str
    created: float
    total: int
    #: From when the last request is done.
    seconds: float
    canceled: float | None = None
    cancel_seconds: float = 0.0
    archived: float | None = None
    packs: list[bytes] = field(default_factory=list)
    outcomes: bytearray = field(default_factory=bytearray)
    work: Future[None] | None = None

    @property
    def expires(self) -> float:
        """Return when what is not done by then expires."""
        return self.created + HOURS_24

    @property
    def ends(self) -> float:
        """Return when it ends, as things stand."""
        end = min(self.created + self.seconds, self.expires)
        return end if self.canceled is None else min(end, self.canceled + self.cancel_seconds)

    @property
    def done_in_time(self) -> int:
        """Return how many requests are done before it is canceled or expires; they are done one after the other."""
        stop = min(self.expires, self.created + self.seconds if self.canceled is None else self.canceled)
        share = (stop - self.created) / self.seconds if self.seconds else 1.0
        return min(self.total, int(share * self.total))

    def is_over(self, now: float) -> bool:
        """Tell whether it has ended."""
        return now >= self.ends and self.is_worked_through()

    def is_worked_through(self) -> bool:
        """Tell whether all answers are there; waits a little for them."""
        if self.work is None:
            return True
        try:
            self.work.result(PATIENCE)
        except TimeoutError:
            return False
        return True

    def as_dict(self, now: float, address: str) -> dict[str, Any]:
        """Return the batch as the API shows it; of what became of its requests it says nothing until it has ended."""
        over = self.is_over(now)
        archived = self._archived_at(now)
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": "ended" if over else "in_progress" if self.canceled is None else "canceling",
            "request_counts": self._counts() if over else _no_counts() | {"processing": self.total},
            "ended_at": _stamp(self.ends) if over else None,
            "created_at": _stamp(self.created),
            "expires_at": _stamp(self.expires),
            "archived_at": _stamp(archived) if archived is not None else None,
            "cancel_initiated_at": _stamp(self.canceled) if self.canceled is not None else None,
            "results_url": f"{address}/v1/messages/batches/{self.id}/results" if over and archived is None else None,
        }

    def _archived_at(self, now: float) -> float | None:
        if self.archived is None and now >= self.created + DAYS_29:
            self.archive(self.created + DAYS_29)
        return self.archived

    def archive(self, at: float) -> None:
        """Drop the results."""
        self.archived = at
        self.packs.clear()

    def _counts(self) -> dict[str, int]:
        done = self.outcomes[: self.done_in_time]
        left = self.total - len(done)
        expired = done.count(_LETTERS["expired"])
        return _no_counts() | {
            "succeeded": done.count(_LETTERS["succeeded"]),
            "errored": done.count(_LETTERS["errored"]),
            "canceled": left if self.canceled is not None else 0,
            "expired": expired + (left if self.canceled is None else 0),
        }

    def lines(self, place: int, pack: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the results of the pack at that place, each with the number of its request."""
        unfinished: Outcome = "expired" if self.canceled is None else "canceled"
        for number, line in enumerate(zlib.decompress(pack).split(b"\n"), place * PACK):
            yield number, line if number < self.done_in_time else _unanswered(line, unfinished)


_LETTERS: dict[str, int] = {"succeeded": ord("s"), "errored": ord("e"), "canceled": ord("c"), "expired": ord("x")}


class Batches:
    """Take batches, work through them one after the other in a thread of its own, and remember them."""

    def __init__(self) -> None:
        self._by_id: dict[str, Batch] = {}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="anthropic-batches")
        self._closed = Event()

    def close(self) -> None:
        """Give up the work that is not done."""
        self._closed.set()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def create(self, body: Any, work: Work, behaviour: BatchBehaviour, now: float) -> tuple[Batch, tuple[str, ...]]:
        """Return the new batch and its custom ids; params are not looked at before their turn, as in the real one."""
        requests = _checked(body)
        packs = [zlib.compress(encoded(requests[start : start + PACK]), 1) for start in range(0, len(requests), PACK)]
        custom_ids = tuple(request["custom_id"] for request in requests)
        seconds = behaviour.batch_seconds + behaviour.batch_seconds_per_request * len(requests)
        batch = Batch(identifier("msgbatch", now, len(self._by_id), custom_ids[0]), now, len(requests), seconds)
        batch.work = self._worker.submit(_work_through, batch, packs, work, self._closed)
        self._by_id[batch.id] = batch
        self._archive_oldest(now)
        return batch, custom_ids

    def find(self, identifier: str) -> Batch:
        """Return a batch; raise a 404 where there is none."""
        if identifier not in self._by_id:
            raise Refusal("not_found_error", f"Message batch {identifier} not found.")
        return self._by_id[identifier]

    def newest_first(self) -> list[Batch]:
        """Return all batches."""
        return list(reversed(self._by_id.values()))

    def in_progress(self, now: float) -> int:
        """Return how many requests wait in batches that have not ended."""
        return sum(batch.total for batch in self._by_id.values() if now < batch.ends)

    def cancel(self, identifier: str, behaviour: BatchBehaviour, now: float) -> Batch:
        """Return the batch that is no longer worked at; one that is being canceled stays so."""
        batch = self.find(identifier)
        if now >= batch.ends:
            raise Refusal("conflict_error", f"Message batch {identifier} has already ended and cannot be canceled.")
        if batch.canceled is None:
            batch.canceled, batch.cancel_seconds = now, behaviour.cancel_seconds
        return batch

    def delete(self, identifier: str, now: float) -> None:
        """Forget a batch that has ended."""
        if not self.find(identifier).is_over(now):
            raise Refusal("conflict_error", f"Message batch {identifier} is still processing and cannot be deleted; cancel it first.")
        del self._by_id[identifier]

    def results(self, identifier: str, behaviour: BatchBehaviour, now: float) -> Iterator[bytes]:
        """Return the file of results in pieces, in the order and with the doubles and gaps that are set."""
        batch = self.find(identifier)
        if batch.as_dict(now, "")["results_url"] is None:
            raise Refusal("not_found_error", f"Message batch {identifier} has no results available.")
        return _results(batch, behaviour)

    def _archive_oldest(self, now: float) -> None:
        ended = [batch for batch in self._by_id.values() if batch.packs and now >= batch.ends]
        kept = sum(len(pack) for batch in ended for pack in batch.packs)
        for batch in ended:
            if kept <= MOST_KEPT:
                return
            kept -= sum(map(len, batch.packs))
            batch.archive(now)


def _results(batch: Batch, behaviour: BatchBehaviour) -> Iterator[bytes]:
    """Yield some packs of results at a time, shuffled among each other as the packs are: never all of them in memory."""
    chance = random.Random(number_of(batch.id))
    packs = list(enumerate(batch.packs))
    is_shuffled = behaviour.result_order == "shuffled"
    if is_shuffled:
        chance.shuffle(packs)
    for start in range(0, len(packs), PACKS_AT_ONCE):
        lines: list[bytes] = []
        some = packs[start : start + PACKS_AT_ONCE]
        for number, line in (numbered for place, pack in some for numbered in batch.lines(place, pack)):
            copies = 1 - happens(behaviour.missing_results, "missing", batch.id, number)
            copies += happens(behaviour.duplicate_results, "doubled", batch.id, number)
            lines += [line] * copies
        if is_shuffled:
            chance.shuffle(lines)
        yield b"\n".join((*lines, b""))


def _checked(body: Any) -> list[dict[str, Any]]:
    if not isinstance(body, Mapping) or "requests" not in body:
        raise invalid("requests: Field required")
    if extra := set(body) - {"requests"}:
        raise invalid(f"{min(extra)}: Extra inputs are not permitted")
    requests = body["requests"]
    if not isinstance(requests, list) or not requests:
        raise invalid("requests: List should have at least 1 item after validation, not 0")
    if len(requests) > MOST_REQUESTS:
        raise invalid(f"requests: List should have at most {MOST_REQUESTS} items after validation, not {len(requests)}")
    seen: set[str] = set()
    for place, request in enumerate(requests):
        if not isinstance(request, dict) or set(request) != {"custom_id", "params"}:
            raise invalid(f"requests.{place}: custom_id and params are required, and nothing else is permitted")
        custom_id = request["custom_id"]
        if not isinstance(custom_id, str) or not _CUSTOM_ID.fullmatch(custom_id):
            raise invalid(f"requests.{place}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
        if custom_id in seen:
            raise invalid(f"requests.{place}.custom_id: '{custom_id}' is not unique within the batch")
        if not isinstance(request["params"], dict):
            raise invalid(f"requests.{place}.params: Input should be a valid dictionary")
        seen.add(custom_id)
    return requests


def _work_through(batch: Batch, packs: list[bytes], work: Work, closed: Event) -> None:
    """Answer the requests pack by pack; each pack is dropped as its answers come."""
    number = 0
    while packs and not closed.is_set():
        lines = []
        for request in json.loads(zlib.decompress(packs.pop(0))):
            result = work(request["custom_id"], request["params"], number)
            batch.outcomes.append(_LETTERS[result["type"]])
            lines.append(encoded({"custom_id": request["custom_id"], "result": result}))
            number += 1
        batch.packs.append(zlib.compress(b"\n".join(lines), 1))


def _unanswered(line: bytes, outcome: Outcome) -> bytes:
    return encoded({"custom_id": json.loads(line)["custom_id"], "result": {"type": outcome}})


def _no_counts() -> dict[str, int]:
    return {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
