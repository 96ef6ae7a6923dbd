"""Short private folders for unix sockets, and whether a port is free."""

from __future__ import annotations

import errno
import socket
import tempfile
from pathlib import Path

from bookops.stack.errors import StackError

#: The kernel's sun_path holds 108 bytes with its closing zero; macOS's 104.
LONGEST_SOCKET_PATH = 103


def private_folder(prefix: str, *, longest_name: str) -> Path:
    """Make a folder only we can enter, short enough for a socket called `longest_name`.

    A deep TMPDIR is passed over for /tmp, so that a project in a deep folder still starts.
    """
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - mkdtemp makes it private
        room = LONGEST_SOCKET_PATH - len(bytes(parent / f"{prefix}12345678" / longest_name))
        if room >= 0 and parent.is_dir():
            return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    raise StackError("No temporary folder with a path short enough for a unix socket. Set TMPDIR to a short path, such as /tmp.")


def demand_free_port(port: int, host: str = "127.0.0.1", *, variable: str = "PORT") -> None:
    """Raise StackError when something else listens there, or when we may not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise StackError(f"Port {port} is reserved for root. Choose one above 1023: make run {variable}=8001") from error
            raise StackError(
                f"Port {port} is busy: something else listens there. Choose another: make run {variable}={port + 1}"
            ) from error


def free_port(preferred: int = 0, host: str = "127.0.0.1") -> int:
    """Return the preferred port if it is free, else any that is."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, preferred))
        except OSError:
            probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False
