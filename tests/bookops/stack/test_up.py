"""`manage.py up` starts everything or says in one line why not, and leaves nothing running."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from bookops.stack.sockets import free_port, private_folder
from tests.migrated import copy_migrated

PROJECT = Path(__file__).parents[3]


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """Return what a fresh shell would have, a folder of its own, and a poller that the sample job need not wait for."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "VAR_DIR": str(folder / "var"), "POLL_SECONDS": "2", **changes}


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
        ([], {"SOURCES": "live"}, "CONTACT is unset"),
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


@pytest.mark.flow
@pytest.mark.timeout(180)
def test_it_serves_until_it_is_asked_to_stop_and_a_second_one_is_refused(folder: Path) -> None:
    port = free_port()
    command = [sys.executable, "-u", "manage.py", "up", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C stops everything" in line:
                break
        assert process.poll() is None, "".join(said)
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            assert answer.status == 200
        second = up(folder)
        assert "It runs already" in second.stderr
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=40)
        assert process.returncode == 0
        assert time.monotonic() - began < 20
    assert (folder / "var" / "bookops.sqlite3").exists()
    token = re.search(r"Authorization: Token (\w+)", "".join(said))
    assert token


@pytest.mark.flow
@pytest.mark.timeout(180)
def test_nothing_outlives_a_killed_supervisor_and_the_next_one_cleans_up_and_does_its_job(folder: Path) -> None:
    var = folder / "var"
    var.mkdir(mode=0o700)
    copy_migrated(var / "bookops.sqlite3")
    command = [sys.executable, "-u", "manage.py", "up", "--port", str(free_port())]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not (var / "log" / "flower.log").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(processes_of(folder)) > 5
        process.kill()
    deadline = time.monotonic() + 30
    while processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(folder) == []
    left = re.search("unix://(.+)/v.sock", (var / "stack.env").read_text())
    assert left and Path(left[1]).is_dir()
    done = up(folder, "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not Path(left[1]).exists()
    assert list((var / "valkey").rglob("*.aof*"))
    assert not (var / "stack.env").exists()
    assert processes_of(folder) == []
