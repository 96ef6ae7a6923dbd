"""The doorbell: rows to Celery messages. A message may be lost, doubled or late without harm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import structlog
from celery import Task
from celery.canvas import Signature
from celery.utils import uuid
from django.db import connection, transaction

from bookops.redis_link import redis_link

log = structlog.get_logger(__name__)

#: After a broker has failed to take a message, nobody waits for it again for this many seconds.
QUIET_SECONDS = 5.0
_quiet_until = 0.0
_lock = threading.Lock()


class Here:
    """Take what is rung and do it in this process, without a broker: for commands that run a flow inline, and for tests."""

    def __init__(self) -> None:
        self._rung: SimpleQueue[tuple[Task[..., Any], tuple[Any, ...]]] = SimpleQueue()

    def take(self, task: Task[..., Any], args: tuple[Any, ...]) -> None:
        self._rung.put((task, args))

    def work(self, *, threads: int = 16, between: Callable[[], Any] = lambda: None) -> int:
        """Do all that was rung and all that this rings in turn; return how many messages that were.

        `between` is called each time some work has ended, for instance to show progress.
        """
        done = 0
        with ThreadPoolExecutor(threads, thread_name_prefix="here") as pool:
            under_way: set[Future[Any]] = set()
            while True:
                while len(under_way) < threads * 2:
                    try:
                        task, args = self._rung.get_nowait()
                    except Empty:
                        break
                    under_way.add(pool.submit(_do, task, args))
                if not under_way:
                    return done
                ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                done += len(ended)
                for one in ended:
                    one.result()
                between()


_here: Here | None = None


@contextmanager
def rung_here(here: Here | None = None) -> Iterator[Here]:
    """Keep every message in this process while the block runs; the caller does the work by `Here.work`."""
    global _here
    before, _here = _here, here or Here()
    try:
        yield _here
    finally:
        _here = before


def _do(task: Task[..., Any], args: tuple[Any, ...]) -> None:
    try:
        task.run(*args)
    finally:
        connection.close()


def ring(task: Task[..., Any], *args: Any, countdown: float | None = None) -> None:
    """Publish one message once the transaction has committed; a broker that is away is no error: the sweeper rings again.

    `countdown` is for seconds only: longer waits stand in a row's `next_at`.
    """
    later: dict[str, Any] = {"countdown": countdown} if countdown is not None else {}
    _after_commit(lambda: task.apply_async(args=args, **later), [(task, args)])


def ring_each(task: Task[..., Any], ids: Sequence[Any]) -> None:
    """Publish one message an id after the commit."""
    if ids:
        _after_commit(lambda: _send_each(task, ids), [(task, (one,)) for one in ids])


def ring_chord(task: Task[..., Any], ids: Sequence[Any], body: Signature) -> None:
    """Publish a chord after the commit: one `task` an id, then `body`, which must be idempotent.

    Chord members return None and never raise, or the body would not run. With no ids the body is rung at once.
    """
    messages = [*((task, (one,)) for one in ids), (body.type, tuple(body.args))]
    _after_commit(lambda: _send_chord(task, ids, body) if ids else body.apply_async(), messages)


def _send_chord(task: Task[..., Any], ids: Sequence[Any], body: Signature) -> None:
    # Celery's own chord follows the result of each member on a channel of its own: three more round trips a message, which the
    # thread that reads a library beside this one makes wait for the interpreter each time.
    body.freeze()
    group_id = uuid()
    task.backend.set_chord_size(group_id, len(ids))
    _send_each(task, ids, group_id=group_id, chord=body)


def _send_each(task: Task[..., Any], ids: Sequence[Any], **options: Any) -> None:
    """Publish one message an id, a thousand in one round trip."""
    with task.app.producer_or_acquire() as producer, producer.batch():
        for index, one in enumerate(ids):
            options["group_index"] = index
            task.apply_async(args=(one,), producer=producer, add_to_parent=False, **options)


def _after_commit(publish: Callable[[], Any], messages: list[tuple[Task[..., Any], tuple[Any, ...]]]) -> None:
    transaction.on_commit(lambda: _publish(publish, messages), robust=True)


def _publish(publish: Callable[[], Any], messages: list[tuple[Task[..., Any], tuple[Any, ...]]]) -> None:
    global _quiet_until
    if _here is not None:
        for task, args in messages:
            _here.take(task, args)
        return
    if time.monotonic() < _quiet_until or redis_link.is_away():
        return
    try:
        publish()
    except Exception as error:
        # Whatever a broker can throw, the row is committed and will be rung again.
        with _lock:
            _quiet_until = time.monotonic() + QUIET_SECONDS
        log.warning("doorbell_failed", error=type(error).__name__)
