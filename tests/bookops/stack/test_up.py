"""`manage.py up` starts everything or says in one line why not, and leaves nothing running."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from bookops.stack.sockets import free_port, private_folder
from tests.migrated import copy_migrated

PROJECT = Path(__file__).parents[3]


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """Return what a fresh shell would have, a folder of its own, and a poller and workers that wait for nobody."""
    own = {"HOME": str(folder), "VAR_DIR": str(folder / "var"), "POLL_SECONDS": "2", "WORKER_NICENESS": "0"}
    return {"PATH": os.environ["PATH"], **own, **changes}


def up(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "up", "--port", str(free_port()), *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment(folder, **changes), capture_output=True, text=True, timeout=200)


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of processes that were started with this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it ended meanwhile
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that is not below the test run's own, and see that no process outlives the test."""
    made = private_folder("bookops-up-", longest_name="v.sock")
    yield made
    left = processes_of(made)
    subprocess.run(["rm", "-rf", str(made)], check=True)
    assert left == []


@pytest.mark.parametrize(
    ("arguments", "changes", "said"),
    [
        (["--library", "/nowhere/export.csv"], {}, "LIBRARY=/nowhere/export.csv is no file that can be read"),
        (["--catalogue", "/nowhere/books.json"], {}, "CATALOGUE=/nowhere/books.json is no file that can be read"),
        ([], {"SOURCES": "live"}, "CONTACT is unset .*GOOGLE_BOOKS_KEY is unset"),
        ([], {"SOURCES": "live", "CONTACT": "me@example.org"}, "GOOGLE_BOOKS_KEY is unset"),
        ([], {"DATABASE_URL": "postgresql://me@127.0.0.1:1/books"}, "The database does not answer: .*put DATABASE_URL right"),
        ([], {"REDIS_URL": "redis://127.0.0.1:1"}, "The broker does not answer: .*put REDIS_URL right"),
    ],
)
def test_what_is_missing_is_one_line_with_a_remedy(folder: Path, arguments: list[str], changes: dict[str, str], said: str) -> None:
    done = up(folder, *arguments, **changes)
    assert done.returncode == 1
    assert re.match(f"(CommandError|Settings): {said}", done.stderr)
    assert done.stderr.count("\n") == 1


def test_a_busy_port_is_one_line_with_a_remedy(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = up(folder, "--port", str(port))
    assert done.stderr == f"CommandError: Port {port} is busy: something else listens there. Choose another: make run PORT={port + 1}\n"


@contextmanager
def started(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Start a stack that goes on until it is stopped; at the latest at the end of the block, also where the test's time is over."""
    command = [sys.executable, "-u", "manage.py", "up", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.flow
@pytest.mark.timeout(400)
def test_nothing_outlives_a_killed_one_and_the_next_cleans_up_does_its_jobs_once_and_serves_until_asked_to_stop(folder: Path) -> None:
    """One test, for a first start takes half a minute of two processors. CI shows `--once` by `make run ONCE=1`."""
    var = folder / "var"
    var.mkdir(mode=0o700)
    copy_migrated(var / "bookops.sqlite3")
    with started(folder, free_port()) as process:
        deadline = time.monotonic() + 60
        while not (var / "log" / "flower.log").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(processes_of(folder)) > 5
    deadline = time.monotonic() + 30
    while processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(folder) == []
    left = re.search("unix://(.+)/v.sock", (var / "stack.env").read_text())
    assert left and Path(left[1]).is_dir()

    port = free_port()
    with started(folder, port) as process:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C stops everything" in line:
                break
        assert process.poll() is None, "".join(said)
        assert not Path(left[1]).exists()
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            assert answer.status == 200
        assert "It runs already" in up(folder).stderr
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0, "".join(said)
    for words in ("The counts add up: 120 rows", "STRONG_BUY", "120 of 120", "Authorization: Token "):
        assert words in "".join(said)

    with started(folder, free_port()) as process:
        assert process.stdout
        said = list(iter(process.stdout.readline, "Ctrl-C stops everything.\n"))
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert "still here" in "".join(said) and "120 rows" not in "".join(said)
    assert re.search(r"Stopping \.\.\.\nStopped\. Everything is kept in .*\n$", rest)
    assert list((var / "valkey").rglob("*.aof*"))
    assert not (var / "stack.env").exists()
