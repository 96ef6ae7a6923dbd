"""The supervisor: starts parts, starts again those that fall over, and stops them all together."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from bookops.stack.child import Child
from bookops.stack.errors import StackError

#: A part may fall over this often within FALLS_WITHIN seconds; once more and the whole stack stops.
MOST_FALLS = 3
FALLS_WITHIN = 60.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Part:
    """Describe one process of the stack.

    answers: says whether it is ready for work; None when nobody has to wait for it.
    needed_by_others: stopped only after the others have ended.
    niceness: how far it stands back when others want the processors too.
    """

    name: str
    command: list[str]
    remedy: str
    answers: Callable[[], bool] | None = None
    ending: signal.Signals = signal.SIGTERM
    needed_by_others: bool = False
    niceness: int = 0


@dataclass
class _Running:
    part: Part
    child: Child
    falls: list[float] = field(default_factory=list)
    again_at: float | None = None


class Supervisor:
    """Keep parts running until asked to stop; use it as a context manager, in the main thread.

    say: where the few lines for a person go.
    """

    def __init__(self, *, logs: Path, env: Mapping[str, str], say: Callable[[str], None], grace: float = 10) -> None:
        self._logs = logs
        self._env = dict(env)
        self._say = say
        self._grace = grace
        self._running: dict[str, _Running] = {}
        self._asked_to_stop = threading.Event()
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)

    def __enter__(self) -> Supervisor:
        self._handlers = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop.set()

    @property
    def asked_to_stop(self) -> bool:
        """Say whether Ctrl-C or a signal has asked the stack to end."""
        return self._asked_to_stop.is_set()

    def start(self, part: Part) -> None:
        """Start a part; its log of the last run is kept beside the new one."""
        log = self.log_of(part)
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        self._running[part.name] = _Running(part, self._spawn(part))

    def log_of(self, part: Part) -> Path:
        """Return where a part's output goes."""
        return self._logs / f"{part.name}.log"

    def run(self, command: list[str]) -> int:
        """Run a command on our own terminal while watching the parts and return its exit code.

        Returns 130, as a shell would, when asked to stop before its end.
        """
        child = Child(command, env=self._env, ending=signal.SIGINT)
        try:
            self.watch(until=lambda: child.exit_code is not None)
        finally:
            code = child.stop(self._grace)
        return 130 if self.asked_to_stop else code

    def wait_for(self, parts: Iterable[Part], *, seconds: float = 60) -> None:
        """Return when every part answers or we are asked to stop. Raises StackError when one takes too long."""
        waiting = [part for part in parts if part.answers]
        deadline = time.monotonic() + seconds

        def all_answer() -> bool:
            waiting[:] = [part for part in waiting if part.answers and not part.answers()]
            if waiting and time.monotonic() > deadline:
                raise StackError(f"{waiting[0].name} does not answer after {seconds:.0f} s: {self._last_words(waiting[0])}")
            return not waiting

        self.watch(until=all_answer)

    def watch(self, until: Callable[[], bool] = lambda: False) -> None:
        """Start fallen parts again until `until` says so or we are asked to stop. Raises StackError when one keeps on falling."""
        while not self.asked_to_stop and not until():
            for running in self._running.values():
                self._look_after(running)
            self._asked_to_stop.wait(POLL_SECONDS)

    def stop(self) -> None:
        """Stop all parts, those that others need last; what does not end within the grace is killed."""
        for needed_by_others in (False, True):
            children = [running.child for running in self._running.values() if running.part.needed_by_others is needed_by_others]
            for child in children:
                child.ask_to_stop()
            deadline = time.monotonic() + self._grace
            for child in children:
                child.stop(max(deadline - time.monotonic(), 0.1))
        self._running.clear()

    def _spawn(self, part: Part) -> Child:
        return Child(part.command, log=self.log_of(part), env=self._env | {"NO_COLOR": "1"}, ending=part.ending, niceness=part.niceness)

    def _look_after(self, running: _Running) -> None:
        part, now = running.part, time.monotonic()
        if running.again_at is not None:
            if now >= running.again_at:
                running.again_at = None
                running.child = self._spawn(part)
            return
        if (code := running.child.exit_code) is None:
            return
        running.child.kill()  # what it may have left behind in its group
        running.falls = [fell for fell in running.falls if now - fell < FALLS_WITHIN] + [now]
        if len(running.falls) > MOST_FALLS:
            raise StackError(f"{part.name} ended {len(running.falls)} times within a minute: {self._last_words(part)}")
        wait = 0.5 * 2 ** (len(running.falls) - 1)
        self._say(f"{part.name} ended with code {code}; starting it again in {wait:g} s. Its log: {self.log_of(part)}")
        running.again_at = now + wait

    def _last_words(self, part: Part) -> str:
        lines = self.log_of(part).read_text(errors="replace").split("\n") if self.log_of(part).exists() else []
        said = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return f"{said[:300]}. {part.remedy} Its log: {self.log_of(part)}"
