"""A file that is replaced is never seen half."""

from __future__ import annotations

import os
import time
from pathlib import Path

from django.core.files.base import ContentFile

from bookops.atomic_files import AtomicFileStorage


def test_a_reader_keeps_the_old_file_whole_while_it_is_replaced(tmp_path: Path) -> None:
    storage = AtomicFileStorage(location=tmp_path, allow_overwrite=True)
    storage.save("data/a.json", ContentFile(b"old " * 10_000))
    with storage.open("data/a.json") as reader:
        start = reader.read(4)
        assert storage.save("data/a.json", ContentFile(b"new")) == "data/a.json"
        assert start + reader.read() == b"old " * 10_000

    assert (tmp_path / "data" / "a.json").read_bytes() == b"new"


def test_nothing_but_the_file_is_left_behind(tmp_path: Path) -> None:
    storage = AtomicFileStorage(location=tmp_path, allow_overwrite=True)
    for _ in range(2):
        storage.save("a.json", ContentFile(b"x"))

    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_a_killed_writer_left_is_removed_after_a_day_and_nothing_else(tmp_path: Path) -> None:
    storage = AtomicFileStorage(location=tmp_path, allow_overwrite=True)
    left, writing, named_so = f"a.json.{'0a' * 16}.part", f"a.json.{'1b' * 16}.part", "a chapter.part"
    day_old = time.time() - 86_401
    for name in (left, writing, named_so):
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
        if name != writing:
            os.utime(path, (day_old, day_old))

    assert storage.remove_left() == 1
    assert {path.name for path in (tmp_path / "data").iterdir()} == {writing, named_so}
    assert storage.remove_left() == 0
