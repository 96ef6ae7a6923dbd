"""CSV files as answers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer


class CSVRenderer(BaseRenderer):
    """Say in content negotiation that a view answers with text/csv."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Return a refusal as JSON; files themselves are streamed, not rendered."""
        return JSONRenderer().render(data)


def csv_text(lines: Iterable[Iterable[Any]]) -> bytes:
    """Return lines of cells as CSV; text that strangers wrote has to pass `bookops.safe_csv.safe_cell` first."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    return buffer.getvalue().encode(errors="replace")
