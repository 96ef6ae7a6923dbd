"""A child process that never outlives its parent, and whose output goes to a file."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def end_with_parent(ending: signal.Signals) -> None:
    """Ask the kernel to send this process `ending` when its parent dies, kill -9 included. Linux only.

    The kernel watches the *thread* that forked, so children are to be started from the main thread.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, ending)


def begin(ending: signal.Signals, niceness: int, parent: int) -> None:
    """Make ready a process that was just forked by `parent`, until it executes its command."""
    # Till then it has our handlers, which would swallow what the kernel sends.
    signal.signal(ending, signal.SIG_DFL)
    # After the change of user, which would have cleared it.
    end_with_parent(ending)
    if os.getppid() != parent:
        os._exit(1)  # the parent died before the kernel was asked, which tells nobody now
    if niceness:
        give_way(niceness)


def give_way(niceness: int) -> None:
    """Let this process take what others leave of the processors: 0 as all do, 19 last."""
    os.nice(niceness)
    # Where Linux schedules sessions as groups, a process is only nice to others of its own session; this makes its session nice.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


class Child:
    """Run one command in a process group of its own.

    log: where its output is appended; None lets it write to our own terminal.
    ending: the signal that asks it to stop.
    niceness: how far it stands back when the processors are wanted by others too, up to 19.
    user: start it as this user id and group id (as root only).
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ending: signal.Signals = signal.SIGTERM,
        niceness: int = 0,
        user: tuple[int, int] | None = None,
    ) -> None:
        self.ending = ending
        parent = os.getpid()
        output = log.open("ab") if log else None
        try:
            self.process = subprocess.Popen(  # noqa: S603 - the commands are ours
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
                user=user[0] if user else None,
                group=user[1] if user else None,
                extra_groups=[] if user else None,
                preexec_fn=lambda: begin(ending, niceness, parent),
            )
        finally:
            if output:
                output.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """Return None while it runs, the negative signal number when a signal ended it."""
        return self.process.poll()

    def ask_to_stop(self) -> None:
        """Send the ending signal to the process only: it stops its own children in its own order."""
        if self.exit_code is None:
            self.process.send_signal(self.ending)

    def stop(self, grace: float = 10) -> int:
        """Ask it to stop, kill its whole group when it has not after `grace` seconds, and return its exit code."""
        self.ask_to_stop()
        try:
            return self.process.wait(grace)
        except subprocess.TimeoutExpired:
            return self.kill()
        finally:
            self._kill_group()

    def kill(self) -> int:
        """End it and its own children at once and return its exit code."""
        self._kill_group()
        return self.process.wait()

    def _kill_group(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # the group is empty, or (on macOS) holds only what was not reaped yet
