"""End a process at a named point of its work, as a power cut would, and see what the next one makes of what is left."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, connections

from bookops.dispatch import rung_here

#: A child's exit code when it came to its point, and when its work was over before.
CRASHED, DONE, FAILED = 77, 0, 1


@dataclass(frozen=True)
class Before:
    """Crash instead of the n-th statement (from 0) by which the work writes to the database; what was read before makes no difference."""

    write: int

    def __str__(self) -> str:
        return f"before write {self.write}"


@dataclass(frozen=True)
class After:
    """Crash when the n-th such statement was executed, before whatever comes next: its commit, a call, the next one."""

    write: int

    def __str__(self) -> str:
        return f"after write {self.write}"


@dataclass(frozen=True)
class InCall:
    """Crash in the n-th call (from 0) that a provider gets: before it has taken anything, or after it has, with the answer on its way."""

    call: int
    taken: bool

    def __str__(self) -> str:
        return f"{'after' if self.taken else 'before'} call {self.call} is taken"


Point = Before | After | InCall


def crashes_at(point: Point, work: Callable[[], Any], provider: Any) -> bool:
    """Do the work in a forked child that ends without a word at `point`; False when the work was over before it came there.

    `provider` has the hooks `before` and `after` of the paper providers.
    """
    # A child may not speak on its parent's connection.
    connections.close_all()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]
    pid = os.fork()
    if pid == 0:
        _work_until(point, work, provider)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (CRASHED, DONE), f"the work failed by itself {point}: {code}"
    return code == CRASHED


def _work_until(point: Point, work: Callable[[], Any], provider: Any) -> None:
    code = FAILED
    try:
        with rung_here():
            if isinstance(point, InCall):
                hook = "after" if point.taken else "before"
                setattr(provider, hook, _Countdown(point.call))
                work()
            else:
                with connection.execute_wrapper(_Cut(point)):
                    work()
        code = DONE
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        # Neither threads nor exit handlers of the parent's are this child's.
        os._exit(code)


class _Countdown:
    def __init__(self, number: int) -> None:
        self._left = number
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            if self._left == 0:
                os._exit(CRASHED)
            self._left -= 1


class _Cut:
    def __init__(self, point: Before | After) -> None:
        self._point = point
        self._seen = -1

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        is_read = sql.startswith("SELECT")
        self._seen += not is_read
        if is_read or self._seen != self._point.write:
            return execute(sql, params, many, context)
        if isinstance(self._point, After):
            execute(sql, params, many, context)
        os._exit(CRASHED)
