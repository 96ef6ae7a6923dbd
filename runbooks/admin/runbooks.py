"""The desk's pages about runbooks: what a copy is worth, whether to buy it, and what a person makes of that."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Media
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from bookops.admin import ReadOnlyAdmin
from bookops.markup import ago, badge, list_of, pretty_json
from bookops.markup import text as foreign
from runbooks.admin.money import usd
from runbooks.admin.refused import take_refused, was_refused
from runbooks.admin.runbook_buttons import EDIT, RUNBOOK_BUTTONS
from runbooks.admin.runbook_page import shown_of
from runbooks.admin.timeline import differences
from runbooks.exporting import TEXTS, WITH_OWNER, file_of
from runbooks.models import EvalRunbook, RunbookVersion

#: Lets a person ask language models, which are another app's.
ASK = "llmjobs.run_job"
#: Parts of the page that a button may lead back to.
PARTS = frozenset({"comparables", "photos", "price", "decision"})
#: Columns that only a runbook's own page shows.
LONG = (
    *("score_breakdown", "tiered_breakdown", "fmv_by_basis", "fmv_notes", "evidence", "provenance", "analysis_narrative"),
    *("condition_positives", "condition_negatives", "critical_issues", "contradictions", "missing_photos", "item_identification"),
    *("binding_analysis", "decision_reason", "napoleon_reasoning", "price_notes"),
)


@admin.register(EvalRunbook)
class EvalRunbookAdmin(ReadOnlyAdmin):
    """Runbooks of all owners, the newest first."""

    list_display = [
        "title_shown",
        "tier",
        "position",
        "combined_score",
        "asking",
        "value",
        "status",
        "partial_shown",
        "decision_shown",
        "owner",
    ]
    list_filter = ["recommendation_tier", "price_position", "partial", "copy__status", "fmv_confidence", "decision", "generated_at"]
    list_select_related = ["owner", "copy__book"]
    search_fields = ["copy__book__title", "copy__book__author", "copy__listing__key", "owner__username"]
    search_help_text = "Title, author, item number or owner"
    ordering = ["-id"]
    change_list_template = "runbooks/desk/runbooks.html"
    change_form_template = "runbooks/desk/runbook.html"
    buttons = RUNBOOK_BUTTONS

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["runbooks/desk.css"]}, js=["runbooks/copy.js", "runbooks/lightbox.js"])

    def get_urls(self) -> list[URLPattern]:
        return [path("csv/", self.admin_site.admin_view(self.csv_view), name="runbooks_evalrunbook_csv"), *super().get_urls()]

    def csv_view(self, request: HttpRequest) -> HttpResponseBase:
        """Hand out what the list shows, by its search and filters, on all its pages."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            shown = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(list_of(EvalRunbook))
        return file_of(shown, TEXTS | WITH_OWNER)

    def list_queryset(self, some: QuerySet[EvalRunbook]) -> QuerySet[EvalRunbook]:
        """Leave what only a runbook's page shows out of the list."""
        return some.defer(*LONG, "copy__book__description", "copy__book__subjects", "copy__book__provenance")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvalRunbook]:
        rows: QuerySet[EvalRunbook] = super().get_queryset(request).select_related("copy__book", "copy__listing", "owner", "decided_by")
        return rows

    @admin.display(description="title", ordering="copy__book__title")
    def title_shown(self, runbook: EvalRunbook) -> str:
        return foreign(runbook.copy.book.title, 60)

    @admin.display(description="tier", ordering="combined_score")
    def tier(self, runbook: EvalRunbook) -> str:
        return badge(runbook.recommendation_tier)

    @admin.display(description="price", ordering="price_position")
    def position(self, runbook: EvalRunbook) -> str:
        return badge(runbook.price_position)

    @admin.display(description="asking", ordering="current_asking_price")
    def asking(self, runbook: EvalRunbook) -> str:
        return usd(runbook.current_asking_price)

    @admin.display(description="value", ordering="fmv_mid")
    def value(self, runbook: EvalRunbook) -> str:
        return usd(runbook.fmv_mid)

    @admin.display(description="copy", ordering="copy__status")
    def status(self, runbook: EvalRunbook) -> str:
        return runbook.copy.get_status_display()

    @admin.display(description="complete", ordering="partial")
    def partial_shown(self, runbook: EvalRunbook) -> str:
        return badge("parked", "partial") if runbook.partial else ""

    @admin.display(description="decision", ordering="decision")
    def decision_shown(self, runbook: EvalRunbook) -> str:
        return badge(runbook.decision) if runbook.decision else ""

    def press_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Press a button, and lead back to the part of the page that it stands in, or to the form that refused what was typed."""
        response = super().press_view(request, object_id, name)
        part = part_pressed(request)
        if isinstance(response, HttpResponseRedirect) and part and "/change/" in response.url:
            response["Location"] = f"{response.url}#{'refused' if was_refused(request) else part}"
        return response

    def message_user(
        self, request: HttpRequest, message: Any, level: int | str = messages.INFO, extra_tags: str = "", fail_silently: bool = False
    ) -> None:
        """Tell it at the top of the page and, by its tag, in the part of the page that the press leads back to."""
        super().message_user(request, message, level, extra_tags or part_pressed(request), fail_silently)

    def page(self, request: HttpRequest, obj: EvalRunbook) -> dict[str, Any]:
        may_edit = request.user.has_perm(EDIT)
        offered = [button for button in self.buttons if request.user.has_perm(button.permission)]
        is_owners = obj.owner_id == request.user.pk
        last = obj.executions.order_by("-created_at").first()
        return {
            **shown_of(obj, request.GET, take_refused(request, obj)),
            "title": f"{obj}",
            "buttons": self.buttons_for(request, obj),
            "addresses": {button.name: self.address_of(obj, button.name) for button in offered},
            "may_edit": may_edit,
            "is_owners": is_owners,
            "may_ask": request.user.has_perm(ASK) and (is_owners or getattr(request.user, "is_superuser", False)),
            "last_execution": last,
            "versions_address": f"{reverse('admin:runbooks_runbookversion_changelist')}?runbook__id__exact={obj.pk}",
        }


def part_pressed(request: HttpRequest) -> str:
    """Return the part of a runbook's page that a press came from; "" for its top, and for a part that there is not."""
    part = request.POST.get("part", "")
    return part if part in PARTS else ""


@admin.register(RunbookVersion)
class RunbookVersionAdmin(ReadOnlyAdmin):
    """Runbooks as they were, each with what made it and what it changed."""

    list_display = ["number", "runbook", "cause", "by", "kept"]
    list_filter = ["cause", "at"]
    list_select_related = ["runbook__copy__book", "by"]
    ordering = ["-id"]
    fields = ["runbook", "number", "cause", "by", "at", "changed", "document_shown"]

    def list_queryset(self, versions: QuerySet[RunbookVersion]) -> QuerySet[RunbookVersion]:
        """Leave the documents out of the list."""
        return versions.only("number", "cause", "at", "by__username", "runbook__copy__book__title")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "runbook__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description="kept", ordering="at")
    def kept(self, version: RunbookVersion) -> str:
        return ago(version.at)

    @admin.display(description="what it changed")
    def changed(self, version: RunbookVersion) -> str:
        before = RunbookVersion.objects.filter(runbook=version.runbook, number__lt=version.number).first()
        if before is None:
            return "It is the first."
        return pretty_json({name: {"before": old, "after": new} for name, old, new in differences(before.document, version.document)})

    @admin.display(description="document")
    def document_shown(self, version: RunbookVersion) -> str:
        return pretty_json(version.document)
