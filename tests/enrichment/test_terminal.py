"""What the account of an import looks like at a terminal."""

from __future__ import annotations

import io
from dataclasses import fields
from typing import Any

from rich.console import Console

from enrichment.account import Account
from enrichment.terminal import print_account


def printed(**changes: Any) -> str:
    empty = {field.name: 0 for field in fields(Account)} | {"reasons": {}, "cells_left_out": {}, "waiting": [], "sources": {}}
    paper = io.StringIO()
    print_account(Account(**empty | changes), Console(file=paper, width=200))
    return paper.getvalue()


def test_it_says_which_cells_were_left_out_and_where_to_look() -> None:
    told = printed(cells_left_out={"ISBN13": 2, "Date Read": 1_040})
    assert "1,042 cells were left out: Date Read 1,040, ISBN13 2. Their rows say why." in told
    assert "left out" not in printed()


def test_it_says_how_many_rows_wait_for_whom_and_when_that_is_asked_again() -> None:
    waiting = [{"source": "google_books", "name": "Google Books", "rows": 1_426, "until": "2026-11-23T05:20:07.145798+00:00"}]
    assert "1,426 rows wait for Google Books, which is asked again at 05:20:07 UTC" in printed(waiting=waiting)
