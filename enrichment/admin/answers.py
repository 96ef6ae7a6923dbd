"""What sources have answered, and which of their subjects no genre takes in: to look at only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from bookops.admin import ReadOnlyAdmin
from bookops.markup import ago, badge, pretty_json
from bookops.markup import text as foreign
from enrichment.asking import NAMES
from enrichment.models import EditionRecord, SubjectCount


class SourceFilter(admin.SimpleListFilter):
    """Filter by source, without asking the table which there are."""

    title = "source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(NAMES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(source=self.value()) if self.value() else queryset


@admin.register(EditionRecord)
class EditionRecordAdmin(ReadOnlyAdmin):
    """Answers that are remembered for all owners, newest first."""

    list_display = ["question_shown", "source", "sandbox", "found", "fetched", "expires"]
    list_filter = [SourceFilter]
    search_fields = ["question"]
    search_help_text = "A whole question: isbn:9780140449136, or just the ISBN-13"
    ordering = ["-id"]
    fields = ["source", "question", "sandbox", "fetched_at", "expires_at", "answer_shown"]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        """Find whole questions only: the index serves nothing else."""
        term = search_term.strip()
        if not term:
            return queryset, False
        key = term if ":" in term else f"isbn:{term.replace('-', '')}"
        return queryset.filter(question=key), False

    @admin.display(description="question", ordering="question")
    def question_shown(self, record: EditionRecord) -> str:
        return foreign(record.question, 90)

    @admin.display(description="answer")
    def found(self, record: EditionRecord) -> str:
        return f"{len(record.answer)} found" if record.answer else badge("not_found", "knows nothing")

    @admin.display(description="fetched", ordering="fetched_at")
    def fetched(self, record: EditionRecord) -> str:
        return ago(record.fetched_at)

    @admin.display(description="asked anew", ordering="expires_at")
    def expires(self, record: EditionRecord) -> str:
        return ago(record.expires_at) if record.expires_at > timezone.now() else "when next wanted"

    @admin.display(description="answer")
    def answer_shown(self, record: EditionRecord) -> str:
        return pretty_json(record.answer)


@admin.register(SubjectCount)
class SubjectCountAdmin(ReadOnlyAdmin):
    """Raw subjects that no genre takes in, the most frequent first: where the vocabulary should grow."""

    list_display = ["subject_shown", "times", "last_seen"]
    search_fields = ["subject"]
    ordering = ["-times", "subject"]
    fields = ["subject", "times", "last_seen"]

    @admin.display(description="subject", ordering="subject")
    def subject_shown(self, count: SubjectCount) -> str:
        return foreign(count.subject, 120)
