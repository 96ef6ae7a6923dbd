"""Socket folders are short and private; busy ports are named."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from bookops.stack.errors import StackError
from bookops.stack.sockets import LONGEST_SOCKET_PATH, answers, demand_free_port, free_port, private_folder


def test_a_private_folder_is_entered_by_us_only() -> None:
    folder = private_folder("bookops-t-", longest_name="v.sock")
    assert folder.stat().st_mode & 0o777 == 0o700
    os.rmdir(folder)


def test_a_temporary_folder_too_deep_for_a_socket_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    folder = private_folder("bookops-t-", longest_name="v.sock")
    assert len(str(folder / "v.sock")) <= LONGEST_SOCKET_PATH
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "v.sock"))
    (folder / "v.sock").unlink()
    os.rmdir(folder)


def test_a_busy_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert answers(port)
        with pytest.raises(StackError, match=f"Port {port} is busy.*make run PORT={port + 1}"):
            demand_free_port(port)
        assert free_port(port) != port
    assert not answers(port)
    demand_free_port(port)
