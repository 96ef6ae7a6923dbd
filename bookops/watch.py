"""Following a run as it happens: what to tell whoever watches, over a websocket or as server-sent events.

A watcher first gets a snapshot, then every event after the number it knows, each once and in order, and the counts whenever they
change. All of it is read from the database; a message of the channel layer only says "look now" and may be lost.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from bookops.credentials import Credential
from bookops.events import FollowedRun, RunEvent
from bookops.progress import group_of

log = structlog.get_logger(__name__)

#: Seconds after which one looks without having been called.
LOOK_EVERY = 3.0
#: A run is looked at no more often than this for all its watchers together, in seconds.
LOOK_AT_MOST_EVERY = 0.5
PATIENCE_SECONDS = 1.0
EVENTS_AT_ONCE = 500


@dataclass(frozen=True)
class Kind:
    """A kind of run that can be followed: its table, and how its progress is told."""

    model: type[FollowedRun]
    describe: Callable[[Any], dict[str, Any]]
    #: How an event is told, where it is not as it was recorded.
    phrase: Callable[[dict[str, Any]], dict[str, Any]] = dict
    #: Whether watchers may go, given the run and its progress: a part of a run that has ended may be done again.
    is_over: Callable[[Any, dict[str, Any]], bool] = lambda run, progress: run.has_ended
    #: Whether who names no number is told all that happened, and not only what happens from now on.
    tells_all: bool = False


@dataclass(frozen=True)
class Look:
    """What one look at a run has shown."""

    seq: int
    state: str
    has_ended: bool
    is_over: bool
    progress: dict[str, Any]
    at: float


@dataclass
class Lookout:
    """Look at runs on behalf of many watchers: those who want to know at the same time share one look."""

    kept: dict[uuid.UUID, Look] = field(default_factory=dict)
    locks: dict[uuid.UUID, asyncio.Lock] = field(default_factory=dict)
    watchers: dict[uuid.UUID, int] = field(default_factory=dict)

    async def look(self, kind: Kind, run_id: uuid.UUID, since: float) -> Look | None:
        """Return a look taken at `since` or later (time.monotonic), None if the run is gone."""
        async with self.locks.setdefault(run_id, asyncio.Lock()):
            kept = self.kept.get(run_id)
            if kept is not None:
                if kept.at >= since:
                    return kept
                await asyncio.sleep(LOOK_AT_MOST_EVERY - (time.monotonic() - kept.at))
            look = await database_sync_to_async(take_look)(kind, run_id)
            if look is None:
                self.kept.pop(run_id, None)
            else:
                self.kept[run_id] = look
            return look

    def enter(self, run_id: uuid.UUID) -> None:
        """Count a watcher in."""
        self.watchers[run_id] = self.watchers.get(run_id, 0) + 1

    def leave(self, run_id: uuid.UUID) -> None:
        """Count a watcher out; what nobody watches is not kept."""
        self.watchers[run_id] -= 1
        if not self.watchers[run_id]:
            for memory in (self.watchers, self.kept, self.locks):
                memory.pop(run_id, None)


#: One a process. Its locks bind to the event loop that first waits for them, of which a web process has one.
lookout = Lookout()


def take_look(kind: Kind, run_id: uuid.UUID) -> Look | None:
    """Read a run and its progress; None if it is gone."""
    at = time.monotonic()
    run = kind.model._default_manager.filter(pk=run_id).first()
    if run is None:
        return None
    progress = kind.describe(run)
    is_over = kind.is_over(run, progress)
    if is_over:
        # What the end was seen by is newer than the run that was read before it: its event may be, too.
        run.last_seq = kind.model._default_manager.filter(pk=run_id).values_list("last_seq", flat=True).first() or run.last_seq
    return Look(run.last_seq, run.state, run.has_ended, is_over, progress, at)


def events_after(run_id: uuid.UUID, seq: int, most: int = EVENTS_AT_ONCE) -> list[dict[str, Any]]:
    """Return the events of a run after number `seq`, oldest first."""
    events = RunEvent.objects.filter(run_id=run_id, seq__gt=seq).order_by("seq")[:most]
    return [
        {"type": "event", "seq": event.seq, "kind": event.kind, "payload": event.payload, "at": event.at.isoformat()} for event in events
    ]


class Doorbell:
    """Wait until a run calls its watchers. Without a channel layer one just waits."""

    def __init__(self, run_id: uuid.UUID) -> None:
        self._group = group_of(run_id)
        self._layer: Any = None
        self._channel = ""

    async def __aenter__(self) -> Doorbell:
        await self._join()
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._layer is not None:
            await self._try(self._layer.group_discard(self._group, self._channel))

    async def wait(self, seconds: float) -> None:
        """Return when called, or after so many seconds."""
        if self._layer is None:
            await asyncio.sleep(seconds)
            await self._join()
            return
        try:
            await asyncio.wait_for(self._layer.receive(self._channel), seconds)
        except TimeoutError:
            return
        except Exception as error:
            log.warning("channel_layer_away", error=type(error).__name__)
            self._layer = None
            await asyncio.sleep(seconds)

    async def _join(self) -> None:
        layer = get_channel_layer()
        if layer is None:
            return
        channel = await self._try(layer.new_channel())
        if channel and await self._try(layer.group_add(self._group, channel)) is not False:
            self._layer, self._channel = layer, channel

    async def _try(self, call: Any) -> Any:
        try:
            return await asyncio.wait_for(call, PATIENCE_SECONDS)
        except Exception as error:
            # Whatever a channel layer can throw: watching goes on by looking.
            log.warning("channel_layer_away", error=type(error).__name__)
            return False


async def follow(kind: Kind, run_id: uuid.UUID, credential: Credential, after: int | None = None) -> AsyncGenerator[dict[str, Any] | None]:
    """Yield messages until the run ends, is deleted, or its watcher may no longer see it; None where nothing was new.

    `after` is the last number the watcher knows; without it, one begins at the snapshot, or at the first event where the kind tells all.
    """
    if after is None and kind.tells_all:
        after = 0
    lookout.enter(run_id)
    try:
        async with Doorbell(run_id) as bell:
            look = await lookout.look(kind, run_id, time.monotonic() - LOOK_AT_MOST_EVERY)
            known = after if after is not None else (look.seq if look else 0)
            told = None
            if look:
                told = look.progress
                yield {"type": "snapshot", "seq": look.seq, "state": look.state, **look.progress}
            while look:
                news = False
                while known < look.seq:
                    events = await database_sync_to_async(events_after)(run_id, known)
                    if not events:
                        break  # `after` lies beyond an event that was pruned; the snapshot has told the rest
                    for event in events:
                        yield kind.phrase(event)
                    known, news = events[-1]["seq"], True
                if look.progress != told:
                    told, news = look.progress, True
                    yield {"type": "progress", "seq": max(known, look.seq), "state": look.state, **look.progress}
                if look.is_over:
                    yield {"type": "end", "seq": look.seq, "state": look.state}
                    return
                if not news:
                    yield None
                await bell.wait(LOOK_EVERY)
                if not await database_sync_to_async(credential.is_valid)():
                    yield {"type": "revoked"}
                    return
                look = await lookout.look(kind, run_id, time.monotonic())
            yield {"type": "gone"}
    finally:
        lookout.leave(run_id)


async def wait_for_end(kind: Kind, run_id: uuid.UUID, seconds: float) -> bool:
    """Wait for a run to end, so many seconds at most, holding neither a thread nor a connection; say whether it has."""
    deadline = time.monotonic() + seconds
    lookout.enter(run_id)
    try:
        async with Doorbell(run_id) as bell:
            while True:
                look = await lookout.look(kind, run_id, time.monotonic())
                if look is None or look.has_ended:
                    return look is not None
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                await bell.wait(min(left, LOOK_EVERY))
    finally:
        lookout.leave(run_id)
