"""The desk's pages about executions: beginning one, watching it, and running one of its steps again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from bookops.admin import RunAdmin
from bookops.events import RunEvent
from bookops.markup import badge, bar, list_of, page_of
from bookops.markup import text as foreign
from bookops.runs import ENDED, OPEN, State
from bookops.spend import dollars
from runbooks import executions
from runbooks.admin.examples import examples
from runbooks.admin.execution_buttons import EXECUTION_BUTTONS, RUN
from runbooks.admin.files import stored_file
from runbooks.admin.importing import LinkForm, PasteForm, models_to_ask
from runbooks.admin.timeline import TITLES, Line, differences, lines_of
from runbooks.advancing import Course
from runbooks.links import BadLink
from runbooks.models import Execution, KeptPage, ListingImage, StepRun
from runbooks.plan import ABEBOOKS_FMV, CLAUDE_ANALYSIS, EBAY_FMV, NOTIFY, STEPS

EVENTS_SHOWN = 60
#: Seconds between two looks of a page at its execution: while it moves, and while it only waits.
LOOK_AGAIN_IN, WAIT_AGAIN_IN = 1, 10
#: What an execution was to cost, in microdollars: the seed's $0.04.
MEANT_TO_COST = 40_000


class WaitingFilter(admin.SimpleListFilter):
    """Filter by whether a step is parked: for a source, or for the budget."""

    title = "waiting"
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("parked", "a step is parked"), ("budget", "for the budget")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        parked = StepRun.objects.filter(execution=OuterRef("pk"), is_current=True, state=State.PARKED)
        if self.value() == "budget":
            parked = parked.filter(waiting_for="budget")
        return queryset.filter(Exists(parked)) if self.value() else queryset


@admin.register(Execution)
class ExecutionAdmin(RunAdmin):
    """Import listings, watch executions, and do with them what a person can do."""

    list_display = ["name", "state_shown", "partial_shown", "progress", "cause", "owner", "started", "duration", "cost", "error"]
    list_filter = ["state", "partial", WaitingFilter, "cause", "created_at"]
    list_select_related = ["owner", "listing"]
    search_fields = ["listing__title", "listing__key", "url", "owner__username"]
    search_help_text = "Title, link, item number or owner"
    ordering = ["-created_at"]
    change_form_template = "runbooks/desk/execution.html"
    buttons = EXECUTION_BUTTONS

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["runbooks/desk.css"]})

    def list_queryset(self, some: QuerySet[Execution]) -> QuerySet[Execution]:
        """Add what a line of the list tells of the steps."""
        current = Q(steps__is_current=True)
        return some.defer("listing__facts").annotate(
            done=Count("steps", filter=current & Q(steps__state=State.SUCCEEDED)), microdollars=Coalesce(Sum("steps__cost"), 0)
        )

    @admin.display(description="listing")
    def name(self, execution: Execution) -> str:
        return foreign(execution, 60)

    @admin.display(description="partial", ordering="partial")
    def partial_shown(self, execution: Execution) -> str:
        return badge("parked", "partial") if execution.partial else ""

    @admin.display(description="steps")
    def progress(self, execution: Any) -> str:
        return bar(execution.done, len(STEPS))

    @admin.display(description="cost")
    def cost(self, execution: Any) -> str:
        return dollars(execution.microdollars)

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Say whether this person may import, retry and cancel."""
        return bool(request.user.has_perm(RUN))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_run_permission(request)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("paste/", wrap(self.paste_view), name="runbooks_execution_paste"),
            path("<uuid:execution_id>/live/", wrap(self.live_view), name="runbooks_execution_live"),
            path("<uuid:execution_id>/pages/<int:page_id>/", wrap(self.kept_page_view), name="runbooks_execution_kept_page"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Take a link; one that names no listing is refused with what is accepted, beside it."""
        self._may_run(request)
        form = LinkForm(request.POST or None, user=request.user, initial={"url": request.GET.get("url", "")})
        if request.method == "POST" and form.is_valid():
            try:
                execution, is_new = executions.start_import(form.owner_chosen, form.cleaned_data["url"], options=form.options)
            except BadLink as refusal:
                form.add_error("url", refusal.detail)
            except executions.AnotherOneRuns as running:
                form.add_error(None, f"{running} Wait for its end, or cancel it.")
            else:
                return self._begun(request, execution, is_new)
        return self._form_page(request, form, "Evaluate a listing", "Evaluate")

    def paste_view(self, request: HttpRequest) -> HttpResponse:
        """Take a listing by hand; it runs the same plan from there."""
        self._may_run(request)
        form = PasteForm(request.POST or None, request.FILES or None, user=request.user)
        if request.method == "POST" and form.is_valid():
            execution, is_new = executions.start_pasted(form.owner_chosen, form.facts, photos=form.read_photos())
            return self._begun(request, execution, is_new)
        return self._form_page(request, form, "Evaluate a listing by hand", "Evaluate")

    def _may_run(self, request: HttpRequest) -> None:
        if not self.has_run_permission(request):
            raise PermissionDenied

    def _begun(self, request: HttpRequest, execution: Execution, is_new: bool) -> HttpResponse:
        if is_new:
            self.log_addition(request, execution, "Begun.")
        told = "The evaluation has begun." if is_new else "This listing is being evaluated already; this is how far it is."
        self.message_user(request, told, messages.SUCCESS)
        return HttpResponseRedirect(page_of(execution))

    def _form_page(self, request: HttpRequest, form: Any, title: str, submit: str) -> TemplateResponse:
        context = self.admin_site.each_context(request) | {
            "title": title,
            "form": form,
            "submit": submit,
            "media": self.media,
            "opts": self.opts,
            "list_address": list_of(Execution),
            "examples": examples() if isinstance(form, LinkForm) else (),
            "other_way": {
                LinkForm: (reverse("admin:runbooks_execution_paste"), "eBay does not give it? Type or paste the listing instead"),
                PasteForm: (reverse("admin:runbooks_execution_add"), "Evaluate by a link instead"),
            }[type(form)],
        }
        return TemplateResponse(request, "runbooks/desk/import.html", context)

    def page(self, request: HttpRequest, obj: Execution) -> dict[str, Any]:
        lines = lines_of(obj)
        retry = self.address_of(obj, "retry_step") if self.has_run_permission(request) else ""
        return {
            **self._live(request, obj, lines),
            "title": f"{obj}",
            "buttons": self.buttons_for(request, obj),
            "live_address": reverse("admin:runbooks_execution_live", args=[obj.pk]),
            "retry_address": retry,
            "retry_forms": list(STEPS),
        }

    def live_view(self, request: HttpRequest, execution_id: Any) -> JsonResponse:
        """Answer a page that keeps itself fresh: the parts that change, and when to look again (0: never)."""
        execution = self._get(request, execution_id)
        lines = lines_of(execution)
        shown = self._live(request, execution, lines)
        parts = {name: render_to_string(f"runbooks/desk/execution_{name}.html", shown, request) for name in ("now", "steps", "events")}
        waits = any(line.run.state == State.PARKED for line in lines)
        moves = execution.state in OPEN or any(line.is_open for line in lines) or _goes_on(execution)
        return JsonResponse(
            {"state": execution.state, "parts": parts, "look_again_in": LOOK_AGAIN_IN if moves else WAIT_AGAIN_IN if waits else 0}
        )

    def kept_page_view(self, request: HttpRequest, execution_id: Any, page_id: int) -> HttpResponse:
        """Hand out a page that could not be read, as a file: it is what a stranger sent."""
        kept = KeptPage.objects.filter(pk=page_id, execution=self._get(request, execution_id)).first()
        if kept is None:
            raise Http404
        return stored_file(kept.key, "application/octet-stream", save_as=f"{kept.source}-{kept.pk}.txt")

    def _get(self, request: HttpRequest, execution_id: Any) -> Execution:
        if not self.has_view_permission(request):
            raise PermissionDenied
        execution = Execution.objects.select_related("listing", "owner", "runbook").filter(pk=execution_id).first()
        if execution is None:
            raise Http404
        return execution

    def _live(self, request: HttpRequest, obj: Execution, lines: list[Line]) -> dict[str, Any]:
        """Return what the parts of the page show that change while an execution goes on."""
        cost = sum(line.cost for line in lines)
        return {
            "execution": obj,
            "lines": lines,
            "costs": [(line, dollars(line.cost)) for line in lines if line.cost or line.calls],
            "cost": dollars(cost),
            "cost_share": round(100 * cost / MEANT_TO_COST),
            "meant_to_cost": dollars(MEANT_TO_COST),
            "parked": [line for line in lines if line.run.state == State.PARKED],
            "missing": [TITLES.get(name, name) for name in obj.missing],
            "may_run": self.has_run_permission(request),
            "can_retry": obj.state != State.CANCELLED,
            "models": models_to_ask(),
            "worded": (EBAY_FMV, ABEBOOKS_FMV),
            "by_model": (CLAUDE_ANALYSIS,),
            "ended": obj.state in ENDED,
            "earlier": [(line, _compared(line)) for line in lines if len(line.runs) > 1],
            "photos_left_out": obj.listing.images.exclude(fate=ListingImage.Fate.KEPT).order_by("position", "pk") if obj.listing else [],
            "pages": obj.pages.order_by("pk"),
            "snapshots": obj.listing.snapshots.order_by("-at")[:10] if obj.listing else [],
            "events": RunEvent.objects.filter(run_id=obj.pk).order_by("-seq")[:EVENTS_SHOWN],
        }


def _goes_on(execution: Execution) -> bool:
    """Say whether a step is outdated and about to be opened again: for a moment nothing runs, and yet it is not the end."""
    course = Course.of(execution)
    return execution.state != State.CANCELLED and any(course.is_wanted(step) for step in STEPS.values() if step.name != NOTIFY)


def _compared(line: Line) -> list[dict[str, Any]]:
    """Return each run of a step, the newest first, with what it told differently from the last one before it that told anything."""
    told: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for run in line.runs:
        found = differences(before, run.output) if before and run.output else []
        told.append({"run": run, "cost": dollars(run.cost), "differences": [(name, _brief(old), _brief(new)) for name, old, new in found]})
        before = run.output or before
    return told[::-1]


def _brief(value: Any) -> Any:
    """Return a value of a step's output as one would tell it: how many of what is a list of records."""
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return f"{len(value)}"
    return "none" if value in (None, [], {}, "") else value
