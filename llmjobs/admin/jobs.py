"""The desk's pages about jobs: the list, and one job as it goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import BigIntegerField, Case, Count, OuterRef, QuerySet, Subquery, Sum, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from bookops.admin import RunAdmin
from bookops.buttons import moved_of_chosen
from bookops.clock import database_now
from bookops.events import RunEvent
from bookops.markup import badge, bar, link, list_of
from bookops.markup import text as foreign
from bookops.purposes import all_purposes
from bookops.runs import BROKEN, ENDED, OPEN, State
from bookops.spend import dollars
from llmjobs import jobs
from llmjobs.admin.appending import APPEND, may_be_added_to
from llmjobs.admin.job_buttons import JOB_BUTTONS, REVIEW, RUN, items_moved, undone_words
from llmjobs.admin.starting import StartingMixin
from llmjobs.admin.statuses import CUT_SHORT, ITEM_WORDS, JobStatusFilter, clone_address, reasons_of, status_counts
from llmjobs.estimating import forecast_end
from llmjobs.measures import measures_of
from llmjobs.models import JobUndo, LLMJob, LLMJobItem, Proposal, ProviderBatch
from llmjobs.plans import PRIORITIES

EVENTS_SHOWN = 60
BATCHES_SHOWN = 50
#: Seconds between two looks of a page at its job.
LOOK_AGAIN_IN = 5
#: The same while it is undone, which most are within the second.
LOOK_AGAIN_AT_UNDO_IN = 1


class PurposeFilter(admin.SimpleListFilter):
    """Filter jobs by what they ask."""

    title = "purpose"
    parameter_name = "purpose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, purpose.label) for name, purpose in sorted(all_purposes().items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(purpose=self.value()) if self.value() else queryset


@admin.register(LLMJob)
class LLMJobAdmin(StartingMixin, RunAdmin):
    """Begin jobs, watch them, and do with them what a person can do."""

    list_display = [
        *("name", "status_shown", "progress", "failures", "flags", "to_review", "pace_shown", "cost_shown"),
        *("owner", "started", "duration", "error"),
    ]
    list_filter = [JobStatusFilter, PurposeFilter, "unseen_change", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["label", "owner__username"]
    ordering = ["-created_at"]
    actions = ["cancel_selected", "pause_selected", "resume_selected", "retry_selected"]
    change_form_template = "llmjobs/desk/job.html"
    buttons = (*JOB_BUTTONS, APPEND)

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["llmjobs/desk.css"]})

    def get_queryset(self, request: HttpRequest) -> QuerySet[LLMJob]:
        return super().get_queryset(request).filter(deleted_at=None)

    def list_queryset(self, some: QuerySet[LLMJob]) -> QuerySet[LLMJob]:
        """Add what a line of the list tells of the items; of an ended job its totals tell it."""
        items = LLMJobItem.objects.filter(job=OuterRef("pk")).order_by().values("job")
        waiting = Proposal.objects.filter(job=OuterRef("pk"), state=Proposal.State.WAITING).order_by().values("job")
        return some.defer("system", "template", "scope").annotate(
            answered=_while_open(items.filter(state=State.SUCCEEDED).annotate(n=Count("pk")), "succeeded"),
            broken=_while_open(items.filter(state__in=BROKEN).annotate(n=Count("pk")), "failed"),
            flagged_items=_while_open(items.filter(flagged=True).annotate(n=Count("pk")), "flagged"),
            microdollars=_while_open(items.annotate(n=Sum("cost")), "cost"),
            waiting=Coalesce(Subquery(waiting.annotate(n=Count("pk")).values("n")), 0),
        )

    @admin.display(description="job", ordering="label")
    def name(self, job: LLMJob) -> str:
        news = format_html(' <span class="desk-news">{}</span>', "new") if job.unseen_change else ""
        return format_html('<span class="desk-name">{}{}</span>', foreign(job.label, 50), news)

    @admin.display(description="status", ordering="state")
    def status_shown(self, job: LLMJob) -> str:
        return status_badge(job)

    @admin.display(description="done")
    def progress(self, job: Any) -> str:
        return bar(job.answered + job.broken, job.total_items)

    @admin.display(description="failed")
    def failures(self, job: Any) -> str:
        return link(list_of(LLMJobItem, job=job.pk, status="broken"), f"{job.broken:,}") if job.broken else ""

    @admin.display(description="flagged")
    def flags(self, job: Any) -> str:
        return link(list_of(LLMJobItem, job=job.pk, flagged__exact=1), f"{job.flagged_items:,}") if job.flagged_items else ""

    @admin.display(description="to review")
    def to_review(self, job: Any) -> str:
        return link(review_address(job), f"{job.waiting:,}") if job.waiting else ""

    @admin.display(description="a minute")
    def pace_shown(self, job: Any) -> str:
        # For people: the database's clock would cost a query a row.
        pace = pace_of(job, job.answered, timezone.now())
        return f"{pace:,.1f}" if pace else ""

    @admin.display(description="cost")
    def cost_shown(self, job: Any) -> str:
        return dollars(job.microdollars)

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Say whether this person may begin, pause, cancel and retry."""
        return bool(request.user.has_perm(RUN))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_run_permission(request)

    @admin.action(description="Cancel", permissions=["run"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[LLMJob]) -> None:
        self.tell(request, moved_of_chosen("Cancelled", sum(map(jobs.cancel, queryset)), "had ended already"))

    @admin.action(description="Pause", permissions=["run"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[LLMJob]) -> None:
        self.tell(request, moved_of_chosen("Paused", sum(map(jobs.pause, queryset)), "were paused, or had ended"))

    @admin.action(description="Resume", permissions=["run"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[LLMJob]) -> None:
        self.tell(request, moved_of_chosen("Resumed", sum(map(jobs.resume, queryset)), "were not paused"))

    @admin.action(description="Retry failed items", permissions=["run"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[LLMJob]) -> None:
        self.tell(request, items_moved(sum(map(jobs.retry_failed, queryset)), "sent round again"))

    def get_urls(self) -> list[URLPattern]:
        live = path("<uuid:job_id>/live/", self.admin_site.admin_view(self.live_view), name="llmjobs_llmjob_live")
        return [live, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the job; its owner has seen then how it stands."""
        answer = super().change_view(request, object_id, *args, **kwargs)
        job = self.get_object(request, object_id)
        if job is not None and job.unseen_change and job.owner_id == request.user.pk:
            jobs.mark_seen(job)
        return answer

    def page(self, request: HttpRequest, obj: LLMJob) -> dict[str, Any]:
        may_run = self.has_run_permission(request)
        purpose = all_purposes().get(obj.purpose)
        return {
            **self._live(request, obj),
            "title": obj.label,
            "buttons": self.buttons_for(request, obj),
            "live_address": reverse("admin:llmjobs_llmjob_live", args=[obj.pk]),
            "addresses": {name: self.address_of(obj, name) for name in ("priority", "cap")} if may_run and obj.state not in ENDED else {},
            "append_address": self.address_of(obj, "append") if may_run and may_be_added_to(obj) else "",
            "filters": list(getattr(purpose, "FILTERS", {})),
            "priorities": [(name, number == obj.priority) for name, number in PRIORITIES.items()],
            "priority": next((name for name, number in PRIORITIES.items() if number == obj.priority), obj.priority),
            "cap": dollars(obj.cap) if obj.cap is not None else "",
            "purpose": purpose,
        }

    def live_view(self, request: HttpRequest, job_id: Any) -> JsonResponse:
        """Answer a page that keeps itself fresh: the parts that change, and when to look again (0: never)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = self.get_queryset(request).select_related("owner").filter(pk=job_id).first()
        if job is None:
            raise Http404
        shown = self._live(request, job)
        parts = {name: render_to_string(f"llmjobs/desk/job_{name}.html", shown, request) for name in ("now", "events")}
        return JsonResponse({"state": shown["page_state"], "parts": parts, "look_again_in": look_again_in(job, shown["undo"])})

    def _live(self, request: HttpRequest, job: LLMJob) -> dict[str, Any]:
        """Return what the parts of the page show that change while a job goes on."""
        items = LLMJobItem.objects.filter(job=job)
        totals = job.aggregates()
        # What was cancelled has ended too, but nobody has worked on it to its end.
        processed = totals["succeeded"] + totals["failed"]
        statuses = status_counts(items)
        now = database_now()
        proposals = Proposal.objects.filter(job=job).order_by().values_list("state").annotate(n=Count("pk"))
        may_run = self.has_run_permission(request)
        reasons = reasons_of(items)
        undo = job.undos.last()
        return {
            "job": job,
            "page_state": page_state(job, undo),
            "undo": undo,
            "undone": undone_words(undo) if undo and undo.ended_at else "",
            "status": status_badge(job),
            "totals": totals,
            "processed": processed,
            "percent": round(100 * processed / max(job.total_items, 1), 1),
            "sent_percent": round(100 * totals["submitted"] / max(job.total_items, 1), 1),
            "statuses": [
                (ITEM_WORDS.get(name, name), count, list_of(LLMJobItem, job=job.pk, status=name)) for name, count in statuses.items()
            ],
            "flagged_address": list_of(LLMJobItem, job=job.pk, flagged__exact=1),
            "items_address": list_of(LLMJobItem, job=job.pk),
            "reasons": [(reason, count, list_of(LLMJobItem, job=job.pk, reason=reason)) for reason, count in reasons],
            "has_cut_short": any(reason in CUT_SHORT for reason, _ in reasons),
            "clone_address": clone_address(job) if may_run else "",
            "proposals": [
                (Proposal.State(state).label, count, list_of(Proposal, job=job.pk, state__exact=state))
                for state, count in sorted(proposals)
            ],
            "may_come_late": "cancelled" in statuses,
            "late": items.filter(came_late=True).count() if totals["cancelled"] or totals["failed"] else 0,
            "waiting": dict(proposals).get(Proposal.State.WAITING, 0),
            "review_address": review_address(job),
            "may_review": request.user.has_perm(REVIEW),
            "forecast_end": forecast_end(job) if job.state in OPEN and not job.paused_at else None,
            "pace": pace_of(job, totals["succeeded"], now),
            "cost": dollars(totals["cost"]),
            "held": dollars(totals["held"]) if totals["held"] else "",
            "measures": [(one, dollars(one.cost), _each(one.cost_per_accepted), _per_cent(one.accuracy)) for one in measures_of(items)],
            "batches": [_batch_line(batch) for batch in job.batches.order_by("-pk")[:BATCHES_SHOWN]],
            "batch_addresses": {name: self.address_of(job, name) for name in ("create_batch_again", "adopt_batch")} if may_run else {},
            "events": RunEvent.objects.filter(run_id=job.pk).order_by("-seq")[:EVENTS_SHOWN],
        }


def page_state(job: LLMJob, undo: JobUndo | None) -> str:
    """Return what the page's buttons depend on: it reloads itself when this changes."""
    return f"{job.status} {job.stage}{' sent' if job.submitted_at else ''}{' undoing' if undo and not undo.ended_at else ''}"


def look_again_in(job: LLMJob, undo: JobUndo | None) -> int:
    """Return the seconds after which a page looks at its job again, 0 for never."""
    if undo and not undo.ended_at:
        return LOOK_AGAIN_AT_UNDO_IN
    return 0 if job.state in ENDED else LOOK_AGAIN_IN


def status_badge(job: LLMJob) -> str:
    """Return a job's status in the colour of its state; one that completed not in all its items says so."""
    colour = "parked" if job.status == "paused" or job.reason == "with_failures" else job.state
    words = "completed with failures" if job.status == "completed" and job.reason == "with_failures" else job.status
    return badge(colour, words)


def review_address(job: LLMJob) -> str:
    """Return where what a job's answers propose is reviewed."""
    return f"{reverse('admin:llmjobs_proposal_review')}?job={job.pk}"


def pace_of(job: LLMJob, answered: int, now: datetime) -> float | None:
    """Return how many items of a job are answered in a minute; None before any is."""
    if job.submitted_at is None or not answered:
        return None
    seconds = ((job.ended_at or now) - job.submitted_at).total_seconds()
    return answered * 60 / max(seconds, 1.0)


def _each(microdollars: float | None) -> str:
    return "–" if microdollars is None else dollars(round(microdollars))


def _per_cent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _batch_line(batch: ProviderBatch) -> dict[str, Any]:
    counts = {name: count for name, count in batch.provider_counts.items() if isinstance(count, int) and count}
    return {
        "batch": batch,
        "counts": counts,
        # Some providers count nothing before all is done.
        "counts_later": bool(batch.provider_id) and batch.state in OPEN and not counts,
        "waits_for_person": not batch.provider_id and batch.state == State.PARKED,
    }


def _while_open(rows: QuerySet[Any], total: str) -> Case:
    """Return a figure of a job's items while it goes on, and the number in its frozen totals afterwards."""
    counted = Coalesce(Subquery(rows.values("n"), output_field=BigIntegerField()), 0)
    kept = Coalesce(Cast(KT(f"totals__{total}"), BigIntegerField()), 0)
    return Case(When(state__in=ENDED, then=kept), default=counted, output_field=BigIntegerField())
