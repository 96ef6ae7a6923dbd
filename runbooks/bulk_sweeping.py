"""What the sweeper does for bulk imports in each round: the pace at which their listings start."""

from __future__ import annotations

from datetime import datetime

from bookops.runs import OPEN
from bookops.sweep import register
from runbooks.bulk import advance_bulk
from runbooks.models import BulkImport


@register
def sweep_bulk_imports(now: datetime) -> dict[str, int]:
    """Move every bulk import on."""
    moved = {"settled": 0, "started": 0, "ended": 0}
    for pk in BulkImport.objects.filter(state__in=OPEN).order_by("created_at").values_list("pk", flat=True):
        for name, count in advance_bulk(pk).items():
            moved[name] += count
    return {f"bulk_links_{name}" if name != "ended" else "bulk_imports_ended": count for name, count in moved.items()}
