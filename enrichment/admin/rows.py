"""The desk's pages about rows of imports: what failed, what needs a person's eye, and the candidates to choose from."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from bookops.admin import RunAdmin
from bookops.markup import badge
from bookops.markup import text as foreign
from bookops.runs import BROKEN, State
from enrichment import imports
from enrichment.admin.buttons import ROW_BUTTONS, RUN_IMPORT, rows_moved
from enrichment.asking import NAMES
from enrichment.deciding import GOOGLE_BOOKS, candidate_name
from enrichment.matching import Candidate
from enrichment.models import ImportRow, LibraryImport
from enrichment.processing_log import lines_of
from enrichment.reasons import CATEGORIES, WORDS, category_of, explain

IMPORTS_OFFERED = 20
_EMPTY: tuple[Any, ...] = ("", None, [], {})


def chosen_import(request: HttpRequest) -> uuid.UUID | None:
    """Return which import the list is filtered by."""
    try:
        return uuid.UUID(request.GET.get("import", ""))
    except ValueError:
        return None


class ImportFilter(admin.SimpleListFilter):
    """Filter by import; the newest are offered, any other is reached from its own page."""

    title = "import"
    parameter_name = "import"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = LibraryImport.objects.order_by("-created_at").only("filename", "created_at")[:IMPORTS_OFFERED]
        offered = [(str(one.pk), str(one)) for one in newest]
        chosen = chosen_import(request)
        if chosen and str(chosen) not in dict(offered):
            offered.insert(0, (str(chosen), str(LibraryImport.objects.filter(pk=chosen).first() or chosen)))
        return offered

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        chosen = chosen_import(request)
        return queryset.filter(library_import_id=chosen) if chosen else queryset.none()


class OutcomeFilter(admin.SimpleListFilter):
    """Filter by what matching came to, what waits for a person first."""

    title = "match"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        outcome = ImportRow.Outcome
        return [(one.value, str(one.label)) for one in (outcome.NEEDS_REVIEW, outcome.NOT_FOUND, outcome.MATCHED)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(outcome=self.value()) if self.value() else queryset


class ReasonFilter(admin.SimpleListFilter):
    """Filter by reason code: those of the chosen import with their counts, else all that are known."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = chosen_import(request)
        if chosen:
            rows = ImportRow.objects.filter(library_import_id=chosen).exclude(reason="").order_by()
            counted = rows.values_list("reason").annotate(n=Count("pk"))
            return [(reason, f"{reason} ({count:,})") for reason, count in sorted(counted, key=lambda one: -one[1])]
        known = {reason for reasons in CATEGORIES.values() for reason in reasons} | set(WORDS)
        asked = request.GET.get("reason")
        return [(reason, reason) for reason in sorted(known | ({asked} if asked else set()))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(reason=self.value()) if self.value() else queryset


class WarningFilter(admin.SimpleListFilter):
    """Filter the rows of the chosen import to those with cells that could not be used; over all imports it would read every row."""

    title = "cells"
    parameter_name = "cells"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("left_out", "some left out")] if chosen_import(request) else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(entry__has_key="warnings") if self.value() == "left_out" else queryset


@admin.register(ImportRow)
class ImportRowAdmin(RunAdmin):
    """Find rows by what became of them, and put right what only a person can."""

    list_display = ["number_shown", "title_shown", "author_shown", "state_shown", "outcome_shown", "score_shown", "error", "import_shown"]
    list_display_links = ["number_shown", "title_shown"]
    list_filter = ["state", OutcomeFilter, ReasonFilter, WarningFilter, ImportFilter]
    list_select_related = ["library_import"]
    list_per_page = 25  # unfold draws each cell by a template; a page of 50 takes a tenth of a second
    search_fields = ["title", "author", "isbn13"]
    search_help_text = "Title, author or ISBN-13; choose an import first where there are many"
    actions = ["retry_selected"]
    change_form_template = "enrichment/desk/row.html"
    buttons = ROW_BUTTONS

    def list_queryset(self, rows: QuerySet[ImportRow]) -> QuerySet[ImportRow]:
        """Leave what only a row's page shows out of the list."""
        return rows.defer("entry", "raw", "candidates", "library_import__statistics")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [name for name in self.list_display if name != "import_shown" or not chosen_import(request)]

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """Order one import's rows as in its file, all rows newest first; an index serves either."""
        return ["number"] if chosen_import(request) else ["-pk"]

    @admin.display(description="row", ordering="number")
    def number_shown(self, row: ImportRow) -> str:
        return f"{row.number}"

    @admin.display(description="title", ordering="title")
    def title_shown(self, row: ImportRow) -> str:
        return foreign(row.title, 70) if row.title else f"line {row.line}, unreadable"

    @admin.display(description="author")
    def author_shown(self, row: ImportRow) -> str:
        return foreign(row.author, 40)

    @admin.display(description="state", ordering="state")
    def state_shown(self, row: ImportRow) -> str:
        return badge(colour_of(row), row.get_state_display())

    @admin.display(description="match")
    def outcome_shown(self, row: ImportRow) -> str:
        return badge(row.outcome, row.get_outcome_display())

    @admin.display(description="score")
    def score_shown(self, row: ImportRow) -> str:
        return "" if row.score is None else f"{row.score:.2f}"

    @admin.display(description="import")
    def import_shown(self, row: ImportRow) -> str:
        return foreign(row.library_import.filename, 40)

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Say whether this person may retry rows and accept candidates."""
        return bool(request.user.has_perm(RUN_IMPORT))

    @admin.action(description="Retry", permissions=["run"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[ImportRow]) -> None:
        broken = queryset.filter(state__in=BROKEN).select_related("library_import")
        self.tell(request, rows_moved(sum(imports.retry_row(row) for row in broken), "sent round again"))

    def page(self, request: HttpRequest, obj: ImportRow) -> dict[str, Any]:
        may_run = self.has_run_permission(request)
        candidates = [Candidate.from_json(one) for one in obj.candidates]
        settled = obj.outcome == ImportRow.Outcome.MATCHED
        return {
            "row": obj,
            "colour": colour_of(obj),
            "title": f"Row {obj.number}" + (f": {obj.title[:80]}" if obj.title else ""),
            "why": explain(obj.reason, obj.detail),
            "waits_for": NAMES.get(obj.waiting_for, obj.waiting_for),
            "category": category_of(obj.reason),
            "warnings": obj.entry.get("warnings", []),
            "read": [(name.replace("_", " "), value) for name, value in obj.entry.items() if name != "warnings" and value not in _EMPTY],
            "raw": list(obj.raw.items()),
            "log": lines_of(obj.tries.all()),
            "candidates": [
                {
                    "candidate": one,
                    "value": candidate_name(one.facts),
                    "source": NAMES.get(one.facts.source, one.facts.source),
                    "address": "" if obj.library_import.sandbox else address_at_source(one),
                    "accepted": settled and place == 0,
                }
                for place, one in enumerate(candidates)
            ],
            "accept_address": self.address_of(obj, "accept") if may_run and obj.book_id else "",
            "buttons": self.buttons_for(request, obj),
        }


def colour_of(row: ImportRow) -> str:
    """Return the word whose colour a row's state has: worked through, but not found, is no success to a reader."""
    return row.outcome if row.state == State.SUCCEEDED and row.outcome == ImportRow.Outcome.NOT_FOUND else row.state


def address_at_source(candidate: Candidate) -> str:
    """Return where the source shows a record."""
    key = candidate.facts.key
    if candidate.facts.source == GOOGLE_BOOKS:
        return f"https://books.google.com/books?id={quote(key, safe='')}"
    return f"https://openlibrary.org/{quote(key.lstrip('/'))}"
