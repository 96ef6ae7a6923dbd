"""The desk's pages about imports: the list, the upload, and one import as it goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Count, IntegerField, OuterRef, QuerySet, Subquery, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from bookops.admin import RunAdmin
from bookops.buttons import moved_of_chosen
from bookops.events import RunEvent
from bookops.markup import ago, badge, bar, link, list_of, page_of
from bookops.markup import text as foreign
from bookops.runs import BROKEN, ENDED, OPEN, State
from enrichment import imports
from enrichment.admin.buttons import IMPORT_BUTTONS, RUN_IMPORT, rows_moved
from enrichment.admin.charts import charts_of
from enrichment.admin.files import stored_file
from enrichment.admin.upload import UploadForm
from enrichment.api.rows import UNMATCHED, unmatched_file
from enrichment.asking import NAMES
from enrichment.models import ImportRow, LibraryImport
from enrichment.reasons import explain
from enrichment.source_states import source_states
from enrichment.status import ImportStatus, describe

EVENTS_SHOWN = 50
#: What the states of rows mean to who watches an import.
ROW_WORDS = {
    State.PENDING: "to be looked up",
    State.RUNNING: "being looked up",
    State.PARKED: "wait for a source",
    State.SUCCEEDED: "done",
    State.FAILED: "failed",
    State.DEAD: "given up after all attempts",
    State.CANCELLED: "cancelled",
}
#: Seconds between two looks of a page at its import: while it moves, and while it only waits for a source.
LOOK_AGAIN_IN, WAIT_AGAIN_IN = 2, 15


@admin.register(LibraryImport)
class LibraryImportAdmin(RunAdmin):
    """Upload exports, watch imports, and do with them what a person can do."""

    list_display = ["name", "state_shown", "progress", "failures", "owner", "started", "duration", "error"]
    list_filter = ["state", "source_format", "policy", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["filename", "owner__username"]
    ordering = ["-created_at"]
    actions = ["cancel_selected", "retry_selected", "redrive_selected"]
    change_form_template = "enrichment/desk/import.html"
    buttons = IMPORT_BUTTONS

    def list_queryset(self, some: QuerySet[LibraryImport]) -> QuerySet[LibraryImport]:
        """Count rows of running imports only: an ended one has its statistics."""
        rows = rows_of_each()
        return some.annotate(
            done=_while_open(rows.exclude(state__in=OPEN), "total_books"),
            broken=_while_open(rows.filter(state__in=BROKEN), "failed_books"),
            waiting=parked_rows(),
        )

    @admin.display(description="state", ordering="state")
    def state_shown(self, library_import: Any) -> str:
        return state_of_import(library_import)

    @admin.display(description="file", ordering="filename")
    def name(self, library_import: LibraryImport) -> str:
        return foreign(library_import.filename, 50)

    @admin.display(description="progress")
    def progress(self, library_import: Any) -> str:
        return bar(library_import.done - library_import.waiting, library_import.rows_read)

    @admin.display(description="failed")
    def failures(self, library_import: Any) -> str:
        return f"{library_import.broken:,}" if library_import.broken else ""

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Say whether this person may upload, retry, redrive and cancel."""
        return bool(request.user.has_perm(RUN_IMPORT))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_run_permission(request)

    @admin.action(description="Cancel (what is done stays)", permissions=["run"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[LibraryImport]) -> None:
        cancelled = sum(imports.cancel_import(one) for one in queryset)
        self.tell(request, moved_of_chosen("Cancelled", cancelled, "had ended already"))

    @admin.action(description="Retry failed rows", permissions=["run"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[LibraryImport]) -> None:
        self.tell(request, rows_moved(sum(imports.retry_failed(one) for one in queryset), "sent round again"))

    @admin.action(description="Retry given-up rows", permissions=["run"])
    def redrive_selected(self, request: HttpRequest, queryset: QuerySet[LibraryImport]) -> None:
        self.tell(request, rows_moved(sum(imports.redrive(one) for one in queryset), "sent round again"))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Take an export; one that cannot be read is refused with its line and the remedy, beside the file."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None, user=request.user)
        if request.method == "POST" and form.is_valid():
            try:
                library_import = imports.start_import(**form.data_for_import())
            except imports.ExportRefused as refusal:
                form.add_error("file", f"{form.cleaned_data['file'].name}: {refusal}")
            else:
                self.log_addition(request, library_import, "Uploaded.")
                self.message_user(request, f"{library_import.filename} was taken in and is being read.", messages.SUCCESS)
                if (earlier := library_import.same_file_before()) is not None:
                    self.message_user(request, same_file_as(earlier), messages.WARNING)
                return HttpResponseRedirect(page_of(library_import))
        context = self.admin_site.each_context(request) | {
            "title": "Upload a library export",
            "form": form,
            "media": self.media,
            "opts": self.opts,
            "list_address": list_of(LibraryImport),
        }
        return TemplateResponse(request, "enrichment/desk/upload.html", context)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:import_id>/live/", wrap(self.live_view), name="enrichment_libraryimport_live"),
            path("<uuid:import_id>/dashboard/", wrap(self.dashboard_view), name="enrichment_libraryimport_dashboard"),
            path("<uuid:import_id>/unmatched/", wrap(self.unmatched_view), name="enrichment_libraryimport_unmatched"),
            path("<uuid:import_id>/upload/", wrap(self.upload_view), name="enrichment_libraryimport_upload"),
            *super().get_urls(),
        ]

    def page(self, request: HttpRequest, obj: LibraryImport) -> dict[str, Any]:
        status = describe(obj)
        return {
            **self._live(request, obj, status),
            "title": obj.filename,
            "buttons": self.buttons_for(request, obj, status),
            "charts": charts_of(obj),
            "same_file": same_file_as(earlier) if (earlier := obj.same_file_before()) else "",
            "live_address": reverse("admin:enrichment_libraryimport_live", args=[obj.pk]),
            "has_upload": bool(obj.upload_key),
        }

    def live_view(self, request: HttpRequest, import_id: Any) -> JsonResponse:
        """Answer a page that keeps itself fresh: the parts that change, and when to look again (0: never)."""
        library_import = self._get(request, import_id)
        status = describe(library_import)
        shown = self._live(request, library_import, status)
        parts = {name: render_to_string(f"enrichment/desk/import_{name}.html", shown, request) for name in ("now", "timeline")}
        moves = library_import.state not in ENDED or any(status.counts[state] for state in OPEN)
        again = LOOK_AGAIN_IN if moves else WAIT_AGAIN_IN if status.waiting else 0
        return JsonResponse({"state": library_import.state, "parts": parts, "look_again_in": again})

    def dashboard_view(self, request: HttpRequest, import_id: Any) -> StreamingHttpResponse:
        """Hand out the stored dashboard as a file."""
        library_import = self._get(request, import_id)
        return stored_file(library_import.dashboard_key, f"{library_import.pk}.json", "application/json")

    def unmatched_view(self, request: HttpRequest, import_id: Any) -> StreamingHttpResponse:
        """Hand out the rows without a certain match as a CSV file."""
        return unmatched_file(self._get(request, import_id))

    def upload_view(self, request: HttpRequest, import_id: Any) -> StreamingHttpResponse:
        """Hand out the export as it was uploaded."""
        library_import = self._get(request, import_id)
        # Never as something a browser would show: it is what a stranger sent.
        return stored_file(library_import.upload_key, f"{library_import.pk}.csv", "application/octet-stream")

    def _get(self, request: HttpRequest, import_id: Any) -> LibraryImport:
        if not self.has_view_permission(request):
            raise PermissionDenied
        library_import = LibraryImport.objects.filter(pk=import_id).first()
        if library_import is None:
            raise Http404
        return library_import

    def _live(self, request: HttpRequest, obj: LibraryImport, status: ImportStatus) -> dict[str, Any]:
        """Return what the parts of the page show that change while an import goes on."""
        may_run = self.has_run_permission(request)
        done = status.processed - status.counts[State.PARKED]
        filtered = {state: list_of(ImportRow, **{"import": obj.pk, "state__exact": state}) for state in status.counts}
        return {
            "import": obj,
            "status": status,
            "done": done,
            "percent": min(status.percent, round(100 * done / status.total, 1)) if status.total else status.percent,
            "counts": [(ROW_WORDS[State(state)], count, filtered[state]) for state, count in status.counts.items() if count],
            "outcomes": [
                (outcome, status.outcomes[outcome.value], list_of(ImportRow, **{"import": obj.pk, "outcome": outcome.value}))
                for outcome in ImportRow.Outcome
                if status.outcomes.get(outcome.value)
            ],
            "unmatched": any(status.outcomes.get(one.value) for one in UNMATCHED) or any(status.counts[one] for one in BROKEN),
            "not_found": status.outcomes.get(ImportRow.Outcome.NOT_FOUND.value, 0),
            "waiting": [one | {"until": datetime.fromisoformat(one["until"])} for one in status.waiting],
            "reasons": [
                (reason, explain(reason), count, list_of(ImportRow, **{"import": obj.pk, "reason": reason}))
                for reason, count in sorted(status.reasons.items(), key=lambda one: -one[1])
            ],
            "left_out": sorted(obj.cells_left_out.items(), key=lambda one: -one[1]),
            "left_out_address": list_of(ImportRow, **{"import": obj.pk, "cells": "left_out"}),
            "rows_address": list_of(ImportRow, **{"import": obj.pk}),
            "costs": [(NAMES.get(source, source), cost) for source, cost in status.sources.items()],
            "sources": source_states(),
            "give_up_address": self.address_of(obj, "give_up") if may_run else "",
            "events": RunEvent.objects.filter(run_id=obj.pk).order_by("-seq")[:EVENTS_SHOWN],
        }


def same_file_as(earlier: LibraryImport) -> str:
    """Say of an import that its file had been uploaded before, with a link to that import."""
    told = "This is the same file as {}, uploaded {}. Its books are found again, and none is made twice."
    return format_html(told, link(page_of(earlier), earlier.filename), ago(earlier.created_at))


def state_of_import(library_import: Any) -> str:
    """Return an import's state, and how many of its rows wait for a source; it is annotated with `parked_rows`."""
    state = library_import.get_state_display()
    if library_import.waiting:
        return badge("parked", f"{state} · {library_import.waiting:,} wait")
    return badge(library_import.state, state)


def rows_of_each() -> QuerySet[Any]:
    """Return the number of rows of each import, for a subquery."""
    rows = ImportRow.objects.filter(library_import=OuterRef("pk"))
    return rows.order_by().values("library_import").annotate(n=Count("pk")).values("n")


def parked_rows() -> Coalesce:
    """Return how many rows of an import wait for a source, by an index."""
    return Coalesce(Subquery(rows_of_each().filter(state=State.PARKED), output_field=IntegerField()), 0)


def _while_open(rows: QuerySet[Any], statistic: str) -> Case:
    """Return a count of an import's rows while it goes on, and the number in its statistics afterwards."""
    counted = Coalesce(Subquery(rows, output_field=IntegerField()), 0)
    kept = Coalesce(Cast(KT(f"statistics__{statistic}"), IntegerField()), 0)
    return Case(When(state__in=ENDED, then=kept), default=counted, output_field=IntegerField())
