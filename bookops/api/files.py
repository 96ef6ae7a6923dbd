"""Answers that are files: refusals of such addresses are JSON all the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer


class FileRenderer(BaseRenderer):
    """Say in content negotiation what a view answers with; files themselves are not rendered."""

    charset: str | None = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Return a refusal as JSON."""
        return JSONRenderer().render(data)


class CSVRenderer(FileRenderer):
    """Answer with text/csv."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"


def csv_text(lines: Iterable[Iterable[Any]]) -> bytes:
    """Return lines of cells as CSV; text that strangers wrote has to pass `bookops.safe_csv.safe_cell` first."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    return buffer.getvalue().encode(errors="replace")
