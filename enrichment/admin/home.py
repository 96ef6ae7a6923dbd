"""What the home page says about imports and sources: what runs, what failed and why, who is down."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest

from bookops.home_page import Panel, add_panel
from bookops.markup import list_of
from bookops.runs import BROKEN, OPEN, State
from enrichment.admin.imports import parked_rows, state_of_import
from enrichment.models import ImportRow, LibraryImport
from enrichment.reasons import explain
from enrichment.source_states import source_states
from enrichment.status import ImportStatus, describe

#: Imports looked at for what failed: the last of a day or a week, not of all time.
NEWEST = 20
RUNNING_SHOWN = 5


def look_at_running(request: HttpRequest) -> dict[str, Any]:
    """Return the imports that go on now, each with how it stands, and the newest that have ended."""
    running = LibraryImport.objects.filter(state__in=OPEN).select_related("owner").order_by("-created_at")[:RUNNING_SHOWN]
    ended = LibraryImport.objects.exclude(state__in=OPEN).select_related("owner").annotate(waiting=parked_rows())
    return {
        "running": [_standing(one) for one in running],
        "ended": [(one, state_of_import(one)) for one in ended.order_by("-created_at")[:RUNNING_SHOWN]],
        "list_address": list_of(LibraryImport),
        "may_upload": request.user.has_perm("enrichment.run_import"),
    }


def _standing(library_import: LibraryImport) -> tuple[LibraryImport, ImportStatus, int]:
    """Return an import, how it stands, and how many of its rows are done: those that wait for a source are not."""
    status = describe(library_import)
    return library_import, status, status.processed - status.counts[State.PARKED]


def look_at_failures(request: HttpRequest) -> dict[str, Any]:
    """Return why rows of the newest imports failed, and how many wait for a person."""
    newest = list(LibraryImport.objects.order_by("-created_at").values_list("pk", flat=True)[:NEWEST])
    rows = ImportRow.objects.filter(library_import__in=newest).order_by()
    reasons = rows.filter(state__in=BROKEN).values_list("reason").annotate(n=Count("pk"))
    return {
        "newest": NEWEST,
        "failed_imports": LibraryImport.objects.filter(pk__in=newest, state__in=BROKEN).order_by("-created_at"),
        "reasons": [
            (reason, explain(reason), count, list_of(ImportRow, reason=reason))
            for reason, count in sorted(reasons, key=lambda one: -one[1])
        ],
        "dead": rows.filter(state=State.DEAD).count(),
        "dead_address": list_of(ImportRow, state__exact=State.DEAD.value),
        "review": rows.filter(outcome=ImportRow.Outcome.NEEDS_REVIEW).count(),
        "review_address": list_of(ImportRow, outcome=ImportRow.Outcome.NEEDS_REVIEW.value),
    }


def look_at_sources(request: HttpRequest) -> dict[str, Any]:
    """Return how the sources stand."""
    return {"sources": source_states()}


add_panel(Panel("Imports", "enrichment/desk/home_imports.html", look_at_running, "enrichment.view_libraryimport", place=10))
add_panel(Panel("What failed, and why", "enrichment/desk/home_failures.html", look_at_failures, "enrichment.view_importrow", place=20))
add_panel(Panel("Sources", "enrichment/desk/home_sources.html", look_at_sources, "bookops.view_sourcehealth", place=30))
