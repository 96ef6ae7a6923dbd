"""The commands about one import: what they print and with which code they end."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bookops.outbound.errors import Refused, TryAgain
from bookops.runs import State
from enrichment.models import ImportRow, LibraryImport
from tests.factories import import_library, library, make_import, make_owner, make_row

pytestmark = pytest.mark.django_db(transaction=True)

BOOKS = [{"Title": f"Book {number}"} for number in range(1, 4)]


def call(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the JSON of a command."""
    capsys.readouterr()
    code = 0
    try:
        call_command(*map(str, arguments), "--json")
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def failed(sources) -> LibraryImport:
    sources.open_library.down = Refused("blocked", reason="forbidden_agent")
    return import_library(make_owner(), *BOOKS)


def test_retry_failed_sends_failed_and_dead_rows_again(sources, capsys):
    library_import = failed(sources)
    assert call(capsys, "retry_failed", library_import.pk) == (0, {"import": str(library_import.pk), "rows_sent_again": 3})
    assert ImportRow.objects.filter(state=State.PENDING).count() == 3


def test_retry_row_sends_one_row_again_and_refuses_what_did_not_fail(sources, capsys):
    library_import = failed(sources)
    assert call(capsys, "retry_row", library_import.pk, 2)[0] == 0
    assert list(ImportRow.objects.filter(state=State.PENDING).values_list("number", flat=True)) == [2]
    with pytest.raises(CommandError, match="Row 2 is pending"):
        call_command("retry_row", str(library_import.pk), "2")
    with pytest.raises(CommandError, match="has no row 9"):
        call_command("retry_row", str(library_import.pk), "9")


def test_redrive_takes_one_import_or_all(sources, capsys):
    library_import = failed(sources)
    assert call(capsys, "redrive", library_import.pk)[1]["rows_sent_again"] == 0
    ImportRow.objects.update(state=State.DEAD)
    assert call(capsys, "redrive", "--all") == (0, {"imports": 1, "rows_sent_again": 3})
    with pytest.raises(CommandError, match="Name one import, or give --all"):
        call_command("redrive")


def test_re_enrich_sends_every_ended_row_again(sources, capsys):
    library_import = import_library(make_owner(), *BOOKS)
    assert call(capsys, "re_enrich", library_import.pk, "--forget")[1]["rows_sent_again"] == 3


def test_cancel_import_stops_it_once(capsys):
    library_import = make_import()
    assert call(capsys, "cancel_import", library_import.pk) == (0, {"import": str(library_import.pk), "state": "cancelled"})
    with pytest.raises(CommandError, match="has ended already: cancelled"):
        call_command("cancel_import", str(library_import.pk))


def test_give_up_source_frees_the_rows_that_wait_for_it(sources, capsys):
    sources.open_library.down = TryAgain("spent", reason="quota_day", retry_after=3600.0, spent=True, source="open_library")
    library_import = import_library(make_owner(), *BOOKS)
    assert call(capsys, "give_up_source", library_import.pk, "open_library")[1]["rows_sent_again"] == 3
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("give_up_source", str(library_import.pk), "somebody")


@pytest.mark.parametrize(("state", "code"), [("running", 3), ("succeeded", 0), ("failed", 1), ("cancelled", 1)])
def test_import_status_ends_with_a_code_for_scripts(state, code, capsys):
    library_import = make_import(state=state)
    make_row(library_import, state=State.FAILED, reason="timeout")
    ended, told = call(capsys, "import_status", library_import.pk)
    assert (ended, told["state"], told["counts"]["failed"], told["categories"]) == (code, state, 1, {"api_timeout": 1})


def test_import_status_tells_people_what_failed_and_what_waits(sources, capsys):
    sources.open_library.down = TryAgain("spent", reason="quota_day", retry_after=3600.0, spent=True, source="open_library")
    library_import = import_library(make_owner(), {"Title": ""}, *BOOKS)
    with pytest.raises(SystemExit):
        call_command("import_status", str(library_import.pk))
    told = capsys.readouterr().out
    assert "parked: 3" in told
    assert "waiting for Open Library: 3 rows until" in told
    assert "failed by" in told


def test_an_import_that_does_not_exist_is_named():
    unknown = uuid.uuid4()
    with pytest.raises(CommandError, match=f"There is no import {unknown}"):
        call_command("import_status", str(unknown))


def test_a_refused_file_has_a_code_of_its_own(tmp_path: Path):
    make_owner("reader")
    file = tmp_path / "list.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(CommandError) as refusal:
        call_command("import_library", str(file), "--owner", "reader")
    assert refusal.value.returncode == 2


def test_an_import_that_takes_too_long_goes_on_without_us(tmp_path: Path):
    make_owner("reader")
    file = tmp_path / "library.csv"
    file.write_text(library(*BOOKS))
    with pytest.raises(CommandError, match="goes on; see") as timeout:
        call_command("import_library", str(file), "--owner", "reader", "--wait", "--timeout", "0")
    assert timeout.value.returncode == 3
    assert LibraryImport.objects.get().state == State.PENDING
