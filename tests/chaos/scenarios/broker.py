"""Redis away while people upload, and one upload sent many times."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.people import owner_named
from tests.chaos.trial import Trial
from tests.chaos.uploads import Accepted
from tests.chaos.verdict import Line, at_most, judge

PARTS = ("enrichment-1", "enrichment-2", "imports", "sweeper-1", "sweeper-2")


class Web:
    """Speak to the web server of a stack over its socket."""

    def __init__(self, path: Path, owner: str) -> None:
        from knox.models import AuthToken

        self._path = path
        _, self._token = AuthToken.objects.create(user=owner_named(owner))

    def upload(self, content: bytes, *, key: str = "") -> tuple[int, dict[str, object], float]:
        """POST an export; return the status, the answer and the seconds it took."""
        boundary = uuid.uuid4().hex
        body = (
            (
                f'--{boundary}\r\nContent-Disposition: form-data; name="csv"; filename="library.csv"\r\nContent-Type: text/csv\r\n\r\n'
            ).encode()
            + content
            + f"\r\n--{boundary}--\r\n".encode()
        )
        headers = {"Authorization": f"Token {self._token}", "Content-Type": f"multipart/form-data; boundary={boundary}"}
        if key:
            headers["Idempotency-Key"] = key
        connection = _UnixConnection(self._path)
        began = time.monotonic()
        connection.request("POST", "/api/upload", body, headers)
        answer = connection.getresponse()
        data = answer.read()
        seconds = time.monotonic() - began
        connection.close()
        return answer.status, json.loads(data or b"{}"), seconds

    def is_up(self) -> bool:
        """Say whether it answers."""
        connection = _UnixConnection(self._path)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@contextmanager
def black_hole(path: Path) -> Iterator[None]:
    """Accept connections on a socket and never answer."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(512)
    kept: list[socket.socket] = []

    def swallow() -> None:
        while True:
            try:
                kept.append(listener.accept()[0])
            except OSError:
                return

    threading.Thread(target=swallow, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        for one in (listener, *kept):
            one.close()
        path.unlink(missing_ok=True)


def redis_away(trial: Trial) -> list[Line]:
    """Upload while Redis is dead, and while it accepts and never answers; then bring it back."""
    ground = trial.ground
    times = 100 if trial.long else 15
    lines: list[Line] = []
    accepted: list[Accepted] = []
    with trial.stack(*PARTS) as stack:
        for trouble in ("dead", "black-holed"):
            path = ground.folder / "web.sock"
            stack.start("web", ("web", str(path)))
            web = Web(path, "ada")
            trial.wait_until(web.is_up, 20)
            ground.valkey.kill()
            if trouble == "dead":
                seconds = _uploads(trial, web, times, accepted)
            else:
                with black_hole(ground.valkey.server.socket):
                    seconds = _uploads(trial, web, times, accepted)
            ground.valkey.start()
            back = trial.wait_for_end(accepted, 60)
            lines += [
                at_most(f"POST with Redis {trouble}, first", seconds[0], 2.5, " s"),
                at_most(f"POST with Redis {trouble}, p99 of all", _p99(seconds), 2.5, " s"),
                at_most(f"POST with Redis known to be {trouble}, p99", 1000 * _p99(seconds[1:]), 300, " ms"),
                at_most(f"seconds until all is done, Redis having been {trouble}", back, 60, " s"),
            ]
            stack.kill("web")
    return [*lines, *judge(accepted)]


def _uploads(trial: Trial, web: Web, times: int, accepted: list[Accepted]) -> list[float]:
    seconds = []
    for _ in range(times):
        status, answer, took = web.upload(trial.library.write(3).read_bytes())
        if status != 202:
            raise AssertionError(f"POST /api/upload answered {status}: {answer}")
        accepted.append(Accepted(uuid.UUID(str(answer["uuid"])), 3))
        seconds.append(took)
    return seconds


def _p99(seconds: Sequence[float]) -> float:
    return sorted(seconds)[min(int(len(seconds) * 0.99), len(seconds) - 1)]


def one_key(trial: Trial) -> list[Line]:
    """Send one upload many times at once under one idempotency key."""
    from enrichment.models import LibraryImport

    times = 1000 if trial.long else 200
    content = trial.library.write(5).read_bytes()
    owner = f"key-{uuid.uuid4().hex[:8]}"
    with trial.stack(*PARTS) as stack:
        path = trial.ground.folder / "web.sock"
        stack.start("web", ("web", str(path)))
        web = Web(path, owner)
        trial.wait_until(web.is_up, 20)
        key = uuid.uuid4().hex
        with ThreadPoolExecutor(times) as pool:
            answers = list(pool.map(lambda _: _patiently(web, content, key), range(times)))
        made = list(LibraryImport.objects.filter(owner__username=owner).values_list("pk", flat=True))
        accepted = [Accepted(one, 5) for one in made]
        trial.wait_for_end(accepted, 30)
    bodies = {json.dumps(answer, sort_keys=True) for _, answer in answers}
    statuses = sorted({status for status, _ in answers})
    trial.facts["answers"] = f"{times} with status {statuses}"
    return [
        Line("imports of one key", len(made), "1", len(made) == 1),
        Line("different answers to one key", len(bodies), "1", len(bodies) == 1 and statuses == [202], str(statuses)),
        *judge(accepted),
    ]


def _patiently(web: Web, content: bytes, key: str) -> tuple[int, dict[str, object]]:
    """Send until the answer is not "still being worked on"."""
    while True:
        try:
            status, answer, _ = web.upload(content, key=key)
        except BlockingIOError:
            status, answer = 409, {}  # the listener's queue is full
        if status not in (409, 503):
            return status, answer
        time.sleep(0.3)
