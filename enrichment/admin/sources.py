"""The desk's page about a source: when it last answered, what is left of its day, until when it is let be."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from bookops.admin import ReadOnlyAdmin
from bookops.markup import ago
from bookops.markup import text as foreign
from bookops.runs import State
from bookops.source_health import SourceHealth
from enrichment.asking import NAMES
from enrichment.deciding import SOURCES
from enrichment.models import EditionRecord, ImportRow
from enrichment.source_states import source_states


@admin.register(SourceHealth)
class SourceHealthAdmin(ReadOnlyAdmin):
    """The third parties that were asked."""

    list_display = ["name_shown", "calls", "errors", "succeeded", "failed", "last_error_shown", "parked"]
    change_form_template = "enrichment/desk/source.html"

    @admin.display(description="source", ordering="name")
    def name_shown(self, health: SourceHealth) -> str:
        return NAMES.get(health.name, health.name)

    @admin.display(description="last success", ordering="last_success_at")
    def succeeded(self, health: SourceHealth) -> str:
        return ago(health.last_success_at)

    @admin.display(description="last failure", ordering="last_error_at")
    def failed(self, health: SourceHealth) -> str:
        return ago(health.last_error_at)

    @admin.display(description="last error")
    def last_error_shown(self, health: SourceHealth) -> str:
        return foreign(health.last_error, 60)

    @admin.display(description="parked until", ordering="parked_until")
    def parked(self, health: SourceHealth) -> str:
        return ago(health.parked_until) if health.parked_until else ""

    def page(self, request: HttpRequest, obj: SourceHealth) -> dict[str, Any]:
        parked: QuerySet[Any] = ImportRow.objects.filter(state=State.PARKED, waiting_for=obj.name)
        return {
            "title": NAMES.get(obj.name, obj.name),
            "health": obj,
            "state": source_states([obj.name])[0] if obj.name in SOURCES else None,
            "rows_parked": parked.count(),
            "newest": EditionRecord.objects.filter(source=obj.name).order_by("-id")[:10],
        }
