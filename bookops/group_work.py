"""Many threads' small database jobs done as one batch, so that 350 threads need one connection."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, TypeVar

from django.db import DatabaseError, close_old_connections, connection

Q = TypeVar("Q")
A = TypeVar("A")


class Grouped(Generic[Q, A]):
    """Collect what threads ask for and answer it in batches from one thread of its own.

    `work` gets a list of questions and returns their answers in the same order. If a batch raises, its questions are tried
    one by one, so that a poisonous one fails alone. `linger` seconds are waited for company after the first question.
    """

    def __init__(self, work: Callable[[list[Q]], Sequence[A]], *, name: str, most: int = 200, linger: float = 0.01) -> None:
        self._work = work
        self._name = name
        self._most = most
        self._linger = linger
        self._lock = threading.Lock()
        self._pid = 0
        self._inbox: queue.SimpleQueue[tuple[Q, Future[A]]] = queue.SimpleQueue()

    def ask(self, question: Q) -> A:
        """Return the answer, blocking until the batch it went with is committed."""
        return self.submit(question).result()

    def submit(self, question: Q) -> Future[A]:
        """Return a future of the answer."""
        future: Future[A] = Future()
        self._start()
        self._inbox.put((question, future))
        return future

    def _start(self) -> None:
        # A forked child inherits the object but not its thread.
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._inbox = queue.SimpleQueue()
                self._pid = os.getpid()
                threading.Thread(target=self._serve, args=(self._inbox,), name=self._name, daemon=True).start()

    def _serve(self, inbox: queue.SimpleQueue[tuple[Q, Future[A]]]) -> None:
        while True:
            batch = [inbox.get()]
            if self._linger:
                threading.Event().wait(self._linger)
            while len(batch) < self._most:
                try:
                    batch.append(inbox.get_nowait())
                except queue.Empty:
                    break
            self._answer(batch)
            if inbox.empty() and connection.vendor != "sqlite":
                with suppress(DatabaseError):
                    connection.close()  # back to the pool while there is nothing to do

    def _answer(self, batch: list[tuple[Q, Future[A]]]) -> None:
        # Nothing may escape: with this thread all who ask would hang.
        try:
            close_old_connections()
            answers = self._work([question for question, _ in batch])
            if len(answers) != len(batch):
                raise ValueError(f"{self._name}: {len(answers)} answers to {len(batch)} questions")
        except Exception as error:
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            for one in batch:
                self._answer([one])
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            future.set_result(answer)
