"""A child process never outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bookops.stack.child import Child, begin

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [sys.executable, "-c", "import signal,time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"]


def wait_until(condition, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_writes_its_output_to_the_log(tmp_path: Path) -> None:
    child = Child([sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr)"], log=tmp_path / "log")
    assert child.process.wait(10) == 0
    assert sorted((tmp_path / "log").read_text().split()) == ["err", "out"]


def test_it_stops_when_asked_and_says_how_it_ended(tmp_path: Path) -> None:
    child = Child(SLEEPER, log=tmp_path / "log")
    assert child.exit_code is None
    assert child.stop() == -signal.SIGTERM


def test_it_kills_what_does_not_stop(tmp_path: Path) -> None:
    child = Child(STUBBORN, log=tmp_path / "log")
    assert wait_until(lambda: "up" in (tmp_path / "log").read_text())
    assert child.stop(grace=0.2) == -signal.SIGKILL


def forked(work) -> int:
    """Run `work` in a forked process and return how that ended, as Popen tells it."""
    pid = os.fork()
    if not pid:
        code = 2
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_it_does_not_begin_when_its_parent_died_before_the_kernel_was_asked():
    assert forked(lambda: begin(signal.SIGTERM, 0, parent=os.getppid())) == 0
    assert forked(lambda: begin(signal.SIGTERM, 0, parent=1)) == 1


def test_what_its_parent_does_at_a_signal_does_not_save_it_from_that():
    def work() -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)
        begin(signal.SIGTERM, 0, parent=os.getppid())
        os.kill(os.getpid(), signal.SIGTERM)

    assert forked(work) == -signal.SIGTERM


def test_its_own_children_end_with_it(tmp_path: Path) -> None:
    grandchild = "import subprocess,sys,time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)"
    child = Child([sys.executable, "-c", grandchild], log=tmp_path / "log")
    assert wait_until(lambda: (tmp_path / "log").read_text().strip())
    pid = int((tmp_path / "log").read_text())
    assert is_alive(pid)
    child.stop()
    assert wait_until(lambda: not is_alive(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.skipif(sys.platform != "linux", reason="sessions are scheduled as groups on Linux only")
def test_it_stands_back_from_others_of_its_own_and_of_other_sessions(tmp_path: Path) -> None:
    child = Child(SLEEPER, log=tmp_path / "log", niceness=5)
    assert os.getpriority(os.PRIO_PROCESS, child.pid) == os.getpriority(os.PRIO_PROCESS, 0) + 5
    group = Path(f"/proc/{child.pid}/autogroup")
    if group.exists():
        assert group.read_text().endswith("nice 5\n")
    child.stop()


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = f"""
import sys, time
from pathlib import Path
from bookops.stack.child import Child
child = Child(['sleep', '60'], log=Path({str(tmp_path / "log")!r}))
print(child.pid, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    assert process.stdout
    pid = int(process.stdout.readline())
    assert is_alive(pid)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert wait_until(lambda: not is_alive(pid))
