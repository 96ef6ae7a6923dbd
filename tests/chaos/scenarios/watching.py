"""Watchers of evaluations whose connections are cut at random: each is told every event once, in order, and the end."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from bookops.stack.sockets import free_port
from tests.chaos.evaluations import all_told, evaluate, judge, listings
from tests.chaos.people import owner_named
from tests.chaos.scenarios.evaluations import set_latencies
from tests.chaos.trial import Trial
from tests.chaos.verdict import Line, none

PARTS = ("evaluations-1", "imports", "beat", "sweeper-1")
OWNER = "ada"
#: Seconds between two cuts of one watcher, on the average, and after which one gives up.
BETWEEN_CUTS, PATIENCE = 0.6, 120.0


@dataclass
class Watcher:
    """Watch one execution, hang up at random moments and come back with the last number heard."""

    url: str
    token: str
    execution_id: uuid.UUID
    seed: int
    cuts: int = 0
    heard: list[int] = field(default_factory=list)
    #: The state that the last message told of, once the end was told.
    ended_as: str = ""
    #: Seconds from the last event to its arrival here.
    late: float = 0.0

    def watch(self) -> Watcher:
        """Watch until the end is told, or patience is."""
        chance, give_up = random.Random(self.seed), time.monotonic() + PATIENCE
        while not self.ended_as and time.monotonic() < give_up:
            try:
                self._listen(chance.expovariate(1 / BETWEEN_CUTS))
            except (ConnectionClosed, InvalidHandshake, OSError):
                time.sleep(0.1)
        return self

    def _listen(self, seconds: float) -> None:
        after = self.heard[-1] if self.heard else 0
        address = f"{self.url}/ws/import/{self.execution_id}?after={after}"
        stop_at = time.monotonic() + seconds
        with connect(address, additional_headers={"Authorization": f"Token {self.token}"}, proxy=None, close_timeout=0.1) as socket:
            while (left := stop_at - time.monotonic()) > 0:
                try:
                    self._hear(json.loads(socket.recv(timeout=left)))
                except TimeoutError:
                    break
                if self.ended_as:
                    return
            self.cuts += 1
            socket.socket.close()  # without a word, as a train in a tunnel

    def _hear(self, message: dict[str, str]) -> None:
        if message["type"] == "event":
            self.heard.append(int(message["seq"]))
            self.late = (datetime.now(UTC) - datetime.fromisoformat(message["at"])).total_seconds()
        elif message["type"] == "end":
            self.ended_as = message["state"]


def watchers(trial: Trial) -> list[Line]:
    """Watch some evaluations over connections that are cut again and again."""
    from knox.models import AuthToken

    count = 40 if trial.long else 8
    with trial.stack(*PARTS) as stack:
        port = free_port()
        stack.start("web", ("web", str(port)))
        set_latencies(trial.ground, anthropic=2.0)
        _, token = AuthToken.objects.create(user=owner_named(OWNER, email=f"{OWNER}@example.org"))
        begun = [evaluate(OWNER, one.link) for one in listings()[:count]]
        watching = [Watcher(f"ws://127.0.0.1:{port}", token, pk, trial.seed + place) for place, pk in enumerate(begun)]
        with ThreadPoolExecutor(count) as pool:
            done = list(pool.map(Watcher.watch, watching))
        trial.wait_until(all_told, 60)
    lates = sorted(one.late for one in done)
    trial.facts |= {
        "watchers": count,
        "connections cut": sum(one.cuts for one in done),
        "events heard": sum(len(one.heard) for one in done),
        "seconds until the last event was heard": f"{lates[len(lates) // 2]:.1f} at the median, {lates[-1]:.1f} at most",
    }
    return [
        none("watchers told other than every event once, in order", _wrongly_told(done)),
        none("watchers whose last word is other than the row's", _wrong_ends(done)),
        Line("connections cut", trial.facts["connections cut"], "> 0", trial.facts["connections cut"] > 0),
        *judge(begun),
    ]


def _wrongly_told(done: Collection[Watcher]) -> list[str]:
    from runbooks.models import Execution

    last = dict(Execution.objects.filter(pk__in=[one.execution_id for one in done]).values_list("pk", "last_seq"))
    return [f"{one.execution_id}: {one.heard}" for one in done if one.heard != list(range(1, last[one.execution_id] + 1))]


def _wrong_ends(done: Collection[Watcher]) -> list[str]:
    from runbooks.models import Execution

    states = dict(Execution.objects.filter(pk__in=[one.execution_id for one in done]).values_list("pk", "state"))
    return [f"{one.execution_id}: {one.ended_as or 'no end'}" for one in done if one.ended_as != states[one.execution_id]]
