"""The supervisor restarts what falls, gives up with a clear line, and stops all."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from bookops.stack import supervisor as supervising
from bookops.stack.errors import StackError
from bookops.stack.supervisor import Part, Supervisor


@pytest.fixture
def said() -> list[str]:
    return []


def make_supervisor(folder: Path, said: list[str]) -> Supervisor:
    return Supervisor(logs=folder / "log", env=dict(os.environ), say=said.append, grace=3)


def python(name: str, source: str, **changes: object) -> Part:
    return Part(name, [sys.executable, "-c", source], remedy="Feed it.", **changes)  # type: ignore[arg-type]


def test_a_part_that_falls_once_is_started_again(tmp_path: Path, said: list[str]) -> None:
    mark = tmp_path / "mark"
    source = f"""
import pathlib, sys, time
mark = pathlib.Path({str(mark)!r})
if not mark.exists():
    mark.touch(); sys.exit(3)
(mark.parent / 'again').touch(); time.sleep(60)
"""
    with make_supervisor(tmp_path, said) as supervisor:
        supervisor.start(python("worker", source))
        supervisor.watch(until=(tmp_path / "again").exists)
    assert said == [f"worker ended with code 3; starting it again in 0.5 s. Its log: {tmp_path / 'log' / 'worker.log'}"]


def test_a_part_that_keeps_on_falling_stops_the_stack_with_its_last_words(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "MOST_FALLS", 1)
    with make_supervisor(tmp_path, said) as supervisor:
        supervisor.start(python("worker", "raise SystemExit('no food')"))
        with pytest.raises(StackError, match=r"worker ended 2 times within a minute: no food\. Feed it\."):
            supervisor.watch()


def test_a_part_that_never_answers_is_named(tmp_path: Path, said: list[str]) -> None:
    with make_supervisor(tmp_path, said) as supervisor:
        mute = python("web", "import time; time.sleep(60)", answers=lambda: False)
        supervisor.start(mute)
        with pytest.raises(StackError, match="web does not answer after 0 s"):
            supervisor.wait_for([mute], seconds=0.3)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_part_and_the_needed_ones_last(tmp_path: Path, said: list[str], ending: signal.Signals) -> None:
    source = """
import pathlib, signal, sys, time
def end(*_):
    with open({path!r}, 'a') as file: file.write({name!r} + ' ')
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path({path!r} + {name!r}).touch()
while True: time.sleep(0.1)
"""
    path = str(tmp_path / "ended")
    with make_supervisor(tmp_path, said) as supervisor:
        supervisor.start(python("broker", source.format(path=path, name="broker"), needed_by_others=True))
        supervisor.start(python("worker", source.format(path=path, name="worker")))
        supervisor.watch(until=lambda: all(Path(path + name).exists() for name in ("broker", "worker")))
        threading.Timer(0.2, os.kill, (os.getpid(), ending)).start()
        supervisor.watch()
        assert supervisor.asked_to_stop
    assert Path(path).read_text() == "worker broker "


def test_it_returns_the_exit_code_of_the_main_job(tmp_path: Path, said: list[str]) -> None:
    with make_supervisor(tmp_path, said) as supervisor:
        assert supervisor.run([sys.executable, "-c", "raise SystemExit(4)"]) == 4


def test_a_main_job_that_is_interrupted_ends_with_130(tmp_path: Path, said: list[str]) -> None:
    with make_supervisor(tmp_path, said) as supervisor:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        began = time.monotonic()
        assert supervisor.run([sys.executable, "-c", "import time; time.sleep(60)"]) == 130
        assert time.monotonic() - began < 10


def test_the_log_of_the_run_before_is_kept(tmp_path: Path, said: list[str]) -> None:
    for word in ("first", "second"):
        with make_supervisor(tmp_path, said) as supervisor:
            part = python("worker", f"import time; print({word!r}, flush=True); time.sleep(60)")
            supervisor.start(part)
            supervisor.watch(until=lambda: bool(supervisor.log_of(part).read_text()))  # noqa: B023 - called within the loop
    assert (tmp_path / "log" / "worker.log").read_text() == "second\n"
    assert (tmp_path / "log" / "worker.log.1").read_text() == "first\n"
