"""The desk's pages about bulk imports: forecasting one, beginning it, and watching it work behind all else."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from bookops.admin import RunAdmin, ThemedFileInput, ThemedTextarea
from bookops.buttons import Button, NothingMoved
from bookops.events import RunEvent
from bookops.markup import bar, list_of, page_of
from bookops.markup import text as foreign
from bookops.owned_form import OwnedForm
from bookops.runs import BROKEN, ENDED
from runbooks import bulk as bulks
from runbooks.link_lists import read_links
from runbooks.models import BulkImport
from runbooks.tables import MAX_BYTES, TableRefused

RUN = "runbooks.run_bulk"
EVENTS_SHOWN, LINKS_SHOWN = 30, 200
#: Seconds between two looks of a page at its import.
LOOK_AGAIN_IN = 5


class BulkForm(OwnedForm):
    """Ask for links, as a file or as text."""

    file = forms.FileField(
        label="File",
        help_text="A link or item number a line, or a CSV file with a column of links.",
        widget=ThemedFileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
        required=False,
    )
    text = forms.CharField(label="Or the links themselves", widget=ThemedTextarea(attrs={"rows": 6}), max_length=500_000, required=False)
    tolerated_failures = forms.FloatField(
        label="Tolerated failures, in per cent",
        help_text="The import ends when a larger share of its listings fails. Empty: it never ends for that.",
        min_value=0,
        max_value=100,
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        """Read what was given, for it can be given in two ways."""
        given = self.cleaned_data
        file, text = given.get("file"), given.get("text", "")
        if bool(file) == bool(text.strip()):
            raise forms.ValidationError("Give a file or paste links, one of the two.")
        if file and file.size > MAX_BYTES:
            raise forms.ValidationError(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Part it.")
        given["content"] = file.read() if file else text.encode()
        given["filename"] = file.name if file else ""
        return given

    @property
    def tolerated(self) -> float | None:
        per_cent: float | None = self.cleaned_data["tolerated_failures"]
        return None if per_cent is None else per_cent / 100


def cancel(request: HttpRequest, bulk: BulkImport, value: str) -> str:
    return "The bulk import was cancelled." if bulks.cancel_bulk(bulk) else NothingMoved("It had ended already.")


def retry_failed(request: HttpRequest, bulk: BulkImport, value: str) -> str:
    count = bulks.retry_failed(bulk)
    return f"{count} link{'s take their' if count != 1 else ' takes its'} turn again." if count else NothingMoved("No link has failed.")


@admin.register(BulkImport)
class BulkImportAdmin(RunAdmin):
    """Begin bulk imports and watch them."""

    list_display = ["name", "state_shown", "progress", "failures", "owner", "started", "duration", "error"]
    list_filter = ["state", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["filename", "owner__username"]
    ordering = ["-created_at"]
    change_form_template = "runbooks/desk/bulk.html"
    buttons = (
        Button(
            "cancel",
            "Cancel the bulk import",
            cancel,
            RUN,
            shown=lambda one: one.state not in ENDED,
            confirm="What is done stays; the rest is not begun.",
        ),
        Button("retry_failed", "Retry failed links", retry_failed, RUN, shown=lambda one: one.links.filter(outcome__in=BROKEN).exists()),
    )

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["runbooks/desk.css"]})

    def list_queryset(self, some: QuerySet[BulkImport]) -> QuerySet[BulkImport]:
        """Add what a line of the list tells of the links."""
        return some.defer("refused").annotate(
            ended_links=Count("links", filter=~Q(links__outcome="")), failed_links=Count("links", filter=Q(links__outcome__in=BROKEN))
        )

    @admin.display(description="file", ordering="filename")
    def name(self, bulk: BulkImport) -> str:
        return foreign(bulk, 50)

    @admin.display(description="progress")
    def progress(self, bulk: Any) -> str:
        return bar(bulk.ended_links, bulk.total)

    @admin.display(description="failed")
    def failures(self, bulk: Any) -> str:
        return f"{bulk.failed_links:,}" if bulk.failed_links else ""

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Say whether this person may begin, cancel and retry."""
        return bool(request.user.has_perm(RUN))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_run_permission(request)

    def get_urls(self) -> list[URLPattern]:
        live = path("<uuid:bulk_id>/live/", self.admin_site.admin_view(self.live_view), name="runbooks_bulkimport_live")
        return [live, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Forecast what a list will take, or begin it; a list of which nothing can be read is refused beside the file."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = BulkForm(request.POST or None, request.FILES or None, user=request.user)
        shown: dict[str, Any] = {}
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                if "forecast" in request.POST:
                    listed = read_links(given["content"])
                    shown = {"forecast": bulks.forecast(len(listed.links), form.owner_chosen), "refused": listed.refused}
                else:
                    bulk = bulks.start_bulk(
                        form.owner_chosen, given["content"], filename=given["filename"], tolerated_failures=form.tolerated
                    )
                    self.log_addition(request, bulk, "Begun.")
                    self.message_user(request, f"{bulk.total} listings will be evaluated, a few at a time.", messages.SUCCESS)
                    return HttpResponseRedirect(page_of(bulk))
            except TableRefused as refusal:
                form.add_error("file" if given["filename"] else "text", str(refusal))
        context = self.admin_site.each_context(request) | {
            "title": "Evaluate many listings",
            "form": form,
            "media": self.media,
            "opts": self.opts,
            "list_address": list_of(BulkImport),
            **shown,
        }
        return TemplateResponse(request, "runbooks/desk/bulk_start.html", context)

    def page(self, request: HttpRequest, obj: BulkImport) -> dict[str, Any]:
        return {
            **_shown(obj),
            "title": f"{obj}",
            "buttons": self.buttons_for(request, obj),
            "live_address": reverse("admin:runbooks_bulkimport_live", args=[obj.pk]),
        }

    def live_view(self, request: HttpRequest, bulk_id: Any) -> JsonResponse:
        """Answer a page that keeps itself fresh: the part that changes, and when to look again (0: never)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        bulk = BulkImport.objects.select_related("owner").filter(pk=bulk_id).first()
        if bulk is None:
            raise Http404
        parts = {"now": render_to_string("runbooks/desk/bulk_now.html", _shown(bulk), request)}
        return JsonResponse({"state": bulk.state, "parts": parts, "look_again_in": 0 if bulk.state in ENDED else LOOK_AGAIN_IN})


def _shown(bulk: BulkImport) -> dict[str, Any]:
    counts = dict(bulks.counts_of(bulk))
    links = bulk.links.select_related("execution__listing", "execution__runbook")
    return {
        "bulk": bulk,
        "counts": counts,
        "ended_links": counts["succeeded"] + counts["failed"] + counts["cancelled"],
        "links": links[:LINKS_SHOWN],
        "links_shown": LINKS_SHOWN,
        "failed": links.filter(outcome__in=BROKEN)[:LINKS_SHOWN],
        "events": RunEvent.objects.filter(run_id=bulk.pk).order_by("-seq")[:EVENTS_SHOWN],
    }
