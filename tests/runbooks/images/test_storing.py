import hashlib
import re

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.storage.memory import InMemoryStorage

from runbooks.images.decoding import Picture, Prepared
from runbooks.images.storing import Keys, remove, store

PREPARED = Prepared(
    full=Picture(b"full", 4, 3),
    reduced=Picture(b"reduced", 2, 2),
    thumbnail=Picture(b"thumbnail", 1, 1),
    digest=hashlib.sha256(b"full").hexdigest(),
    format_before="JPEG",
    bytes_before=9,
)


class FullDisk(InMemoryStorage):
    """Have room for so many files and no more."""

    room = 2

    def _save(self, name: str, content: ContentFile) -> str:
        if not self.room:
            raise OSError("no space left on device")
        self.room -= 1
        return super()._save(name, content)


def files(keys: Keys) -> list[str]:
    return [keys.full, keys.reduced, keys.thumbnail]


def test_a_photo_is_kept_in_three_sizes_under_names_nobody_can_guess():
    keys = store(PREPARED)
    assert [default_storage.open(key).read() for key in files(keys)] == [b"full", b"reduced", b"thumbnail"]
    assert all(re.fullmatch(r"photos/[0-9a-f]{32}/(full|reduced|thumbnail)\.jpg", key) for key in files(keys))
    remove(keys)


def test_the_same_photo_twice_is_kept_twice():
    first, second = store(PREPARED), store(PREPARED)
    remove(first)
    assert [default_storage.exists(key) for key in files(first) + files(second)] == [False] * 3 + [True] * 3
    remove(second)


def test_a_photo_that_is_gone_can_be_removed_again():
    keys = store(PREPARED)
    remove(keys)
    remove(keys)


def test_half_a_photo_is_not_kept(monkeypatch):
    disk = FullDisk()
    monkeypatch.setattr("runbooks.images.storing.default_storage", disk)
    with pytest.raises(OSError, match="no space left"):
        store(PREPARED)
    assert disk.room == 0
    folders, _ = disk.listdir("photos")
    assert [disk.listdir(f"photos/{folder}")[1] for folder in folders] == [[]]
