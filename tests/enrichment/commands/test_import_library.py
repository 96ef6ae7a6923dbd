"""`import_library` takes a file, says what became of it, and its exit code can be trusted."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from enrichment.models import LibraryImport
from sandbox.running import RunningSandbox

EXPORT = "\n".join(
    [
        "Book Id,Title,Author,ISBN13,My Rating,Exclusive Shelf",
        '1,Pride and Prejudice,Jane Austen,"=""9780141439518""",5,read',
        "2,,Nobody,,0,to-read",
    ]
)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "library.csv"
    path.write_text(EXPORT)
    return path


@pytest.fixture
def reader(transactional_db: None) -> str:
    return get_user_model().objects.create_user("reader").username


def use(sandbox: RunningSandbox, settings: Any) -> None:
    settings.OPEN_LIBRARY_URL = sandbox.open_library_url
    settings.GOOGLE_BOOKS_URL = sandbox.google_books_url


def test_a_file_that_was_imported_before_is_taken_and_said_to_be_the_same(
    export: Path, reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("import_library", export, "--owner", reader)
    assert "the same file" not in capsys.readouterr().out
    first = LibraryImport.objects.get()
    call_command("import_library", export, "--owner", reader)
    assert f"the same file as import {first.pk}" in capsys.readouterr().out
    assert LibraryImport.objects.count() == 2


def test_it_works_inline_and_prints_counts_that_add_up(
    sandbox: RunningSandbox, settings: Any, export: Path, reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    use(sandbox, settings)
    with pytest.raises(SystemExit) as ended:
        call_command("import_library", str(export), owner=reader, inline=True, json=True)
    account = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert (account["rows"], account["dashboard_books"], account["unreadable"]) == (2, 1, 1)
    assert account["adds_up"] is True


def test_it_says_what_the_import_is_called_when_nobody_waits(export: Path, reader: str, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import_library", str(export), owner=reader, json=True)
    assert json.loads(capsys.readouterr().out)["id"] == str(LibraryImport.objects.get().pk)


def test_it_names_a_user_that_does_not_exist(export: Path, transactional_db: None) -> None:
    with pytest.raises(CommandError, match="no user 'stranger'"):
        call_command("import_library", str(export), owner="stranger")


def test_it_says_why_a_file_is_refused(tmp_path: Path, reader: str) -> None:
    shopping = tmp_path / "shopping.csv"
    shopping.write_text("milk,bread\n2,1\n")
    with pytest.raises(CommandError):
        call_command("import_library", str(shopping), owner=reader)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_library", str(tmp_path / "nowhere.csv"), owner=reader)
    assert not LibraryImport.objects.exists()
