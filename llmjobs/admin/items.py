"""The desk's pages about items: which failed and why, and one with its prompt, its answer and what came of it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import Media
from django.http import HttpRequest

from bookops.admin import RunAdmin
from bookops.buttons import Button, NothingMoved
from bookops.markup import badge, link, page_of
from bookops.markup import text as foreign
from bookops.runs import BROKEN, State
from bookops.spend import dollars
from llmjobs import jobs, reconciling
from llmjobs.admin.cards import card_of
from llmjobs.admin.job_buttons import REVIEW, RUN, items_moved, undone_words
from llmjobs.admin.statuses import CUT_SHORT, ITEM_WORDS, ItemStatusFilter, JobFilter, ReasonFilter, asked_job, clone_address
from llmjobs.models import LLMJob, LLMJobItem, Proposal
from llmjobs.undoing import Undone, undo_item, undo_targets

Stage = LLMJobItem.Stage
#: Answers taken back while a person waits.
MOST_UNDONE_AT_ONCE = 2_000


def retry(request: HttpRequest, item: LLMJobItem, value: str) -> str:
    return items_moved(jobs.retry_items(item.job, [item.pk]), "sent round again")


def send_again(request: HttpRequest, item: LLMJobItem, value: str) -> str:
    return items_moved(reconciling.send_again(item.job, LLMJobItem.objects.filter(pk=item.pk), by=request.user), "sent again")


def give_up(request: HttpRequest, item: LLMJobItem, value: str) -> str:
    return items_moved(reconciling.give_up(item.job, LLMJobItem.objects.filter(pk=item.pk), by=request.user), "given up")


def undo(request: HttpRequest, item: LLMJobItem, value: str) -> str:
    return undone_words(undo_item(item, by=request.user))


def is_unknown(item: LLMJobItem) -> bool:
    """Say whether it was perhaps sent, and nobody can tell."""
    return item.state == State.RUNNING and item.stage == Stage.UNKNOWN


def is_applied(item: LLMJobItem) -> bool:
    """Say whether its answer was written."""
    return Proposal.objects.filter(item=item, state=Proposal.State.APPLIED).exists()


ITEM_BUTTONS = (
    Button("retry", "Retry this item", retry, RUN, shown=lambda item: item.state in BROKEN and bool(item.prompt)),
    Button(
        "send_again",
        "Send it again",
        send_again,
        RUN,
        shown=is_unknown,
        confirm="Nobody can tell whether it reached the provider. If it did, it is paid twice.",
    ),
    Button("give_up", "Give it up", give_up, RUN, shown=is_unknown, confirm="The item fails. It can be sent round again."),
    Button(
        "undo",
        "Undo this answer",
        undo,
        REVIEW,
        shown=is_applied,
        confirm="What it changed goes back to what it was, but for what somebody has touched since.",
    ),
)


@admin.register(LLMJobItem)
class LLMJobItemAdmin(RunAdmin):
    """Find items by what became of them."""

    list_display = [
        *("number_shown", "target_shown", "status_shown", "model", "flag", "proposal_shown", "tokens", "cost_shown"),
        *("polls", "error", "job_shown"),
    ]
    list_display_links = ["number_shown", "target_shown"]
    list_filter = [ItemStatusFilter, ReasonFilter, "flagged", "model", JobFilter]
    list_select_related = ["job", "proposal"]
    list_per_page = 25  # unfold draws each cell by a template
    search_fields = ["target_label"]
    search_help_text = "What was asked about; choose a job first where there are many"
    actions = ["retry_selected", "undo_selected"]
    change_form_template = "llmjobs/desk/item.html"
    buttons = ITEM_BUTTONS

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["llmjobs/desk.css"]}, js=["llmjobs/review.js"])

    def get_queryset(self, request: HttpRequest) -> QuerySet[LLMJobItem]:
        return super().get_queryset(request).filter(job__deleted_at=None)

    def list_queryset(self, some: QuerySet[LLMJobItem]) -> QuerySet[LLMJobItem]:
        """Leave what only an item's page shows out of the list."""
        return some.defer("prompt", "answer", "response", "job__system", "job__template", "job__scope", "proposal__changes")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [name for name in self.list_display if name != "job_shown" or not asked_job(request)]

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """Order one job's items as they are asked, all items newest first; an index serves either."""
        return ["number"] if asked_job(request) else ["-pk"]

    @admin.display(description="item", ordering="number")
    def number_shown(self, item: LLMJobItem) -> str:
        return f"{item.number}"

    @admin.display(description="about")
    def target_shown(self, item: LLMJobItem) -> str:
        return foreign(item.target_label or f"number {item.target_id}", 70)

    @admin.display(description="status", ordering="state")
    def status_shown(self, item: LLMJobItem) -> str:
        return status_badge(item)

    @admin.display(description="flagged")
    def flag(self, item: LLMJobItem) -> str:
        return badge("needs_review", "flagged") if item.flagged else ""

    @admin.display(description="proposal")
    def proposal_shown(self, item: LLMJobItem) -> str:
        proposal = getattr(item, "proposal", None)
        return badge(proposal.state, proposal.get_state_display()) if proposal else ""

    @admin.display(description="tokens")
    def tokens(self, item: LLMJobItem) -> str:
        return f"{item.input_tokens:,} + {item.output_tokens:,}" if item.input_tokens or item.output_tokens else ""

    @admin.display(description="cost", ordering="cost")
    def cost_shown(self, item: LLMJobItem) -> str:
        return dollars(item.cost) if item.cost else ""

    @admin.display(description="job")
    def job_shown(self, item: LLMJobItem) -> str:
        return link(page_of(item.job), item.job.label[:40])

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Say whether this person may retry items."""
        return bool(request.user.has_perm(RUN))

    def has_review_permission(self, request: HttpRequest) -> bool:
        """Say whether this person may undo answers."""
        return bool(request.user.has_perm(REVIEW))

    @admin.action(description="Retry", permissions=["run"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[LLMJobItem]) -> None:
        ids: dict[Any, list[int]] = defaultdict(list)
        for job_id, item_id in queryset.filter(state__in=BROKEN).values_list("job_id", "pk"):
            ids[job_id].append(item_id)
        sent = sum(jobs.retry_items(job, ids[job.pk]) for job in LLMJob.objects.filter(pk__in=ids))
        self.tell(request, items_moved(sent, "sent round again"))

    @admin.action(description="Undo their answers", permissions=["review"])
    def undo_selected(self, request: HttpRequest, queryset: QuerySet[LLMJobItem]) -> None:
        written = queryset.filter(proposal__state=Proposal.State.APPLIED)
        if written.count() > MOST_UNDONE_AT_ONCE:
            self.tell(
                request, NothingMoved(f"Nothing was undone: of more than {MOST_UNDONE_AT_ONCE:,} answers, undo their job on its page.")
            )
            return
        ids: dict[Any, set[int]] = defaultdict(set)
        for job_id, target_id in written.values_list("job_id", "target_id"):
            ids[job_id].add(target_id)
        undone = Undone()
        for job_id, target_ids in ids.items():
            one = undo_targets(job_id, sorted(target_ids), by=request.user)
            undone.undone += one.undone
            undone.kept += one.kept
        self.tell(request, undone_words(undone))

    def page(self, request: HttpRequest, obj: LLMJobItem) -> dict[str, Any]:
        item = LLMJobItem.objects.select_related("job__owner", "batch", "proposal__decided_by").get(pk=obj.pk)
        proposal = getattr(item, "proposal", None)
        return {
            "item": item,
            "title": f"Item {item.number}" + (f": {item.target_label[:80]}" if item.target_label else ""),
            "status": status_badge(item),
            "cost": dollars(item.cost),
            "held": dollars(item.held) if item.held else "",
            "is_cut_short": item.state in BROKEN and item.reason in CUT_SHORT,
            "clone_address": clone_address(item.job) if self.has_run_permission(request) else "",
            "card": card_of(proposal) if proposal else None,
            "siblings": LLMJobItem.objects.filter(job=item.job, target_id=item.target_id).exclude(pk=item.pk).order_by("number"),
            "story": _story(item),
            "tries": [(one, dollars(one.cost)) for one in item.tries.all()],
            "may_review": self.has_review_permission(request),
            "buttons": self.buttons_for(request, item),
        }


def status_badge(item: LLMJobItem) -> str:
    """Return an item's status in the colour of its state."""
    return badge("parked" if item.status == "unknown" else item.state, ITEM_WORDS.get(item.status, item.status))


def _story(item: LLMJobItem) -> list[tuple[Any, str]]:
    """Return what happened to an item, as far as its row tells: the moment and the words, in the order of time."""
    told = [
        (item.created_at, "rendered"),
        (item.sending_at, f"sent to {item.provider} by {item.way}, attempt {item.attempts}"),
        (item.submitted_at, f"taken there as {item.provider_task_id or item.batch or 'a line of a batch'}"),
        (
            item.last_polled_at,
            f"asked for, {item.polls} time{'s' if item.polls != 1 else ''} by now: {item.provider_status or 'no word yet'}",
        ),
        (item.ended_at, f"ended: {item.status}"),
    ]
    proposal = getattr(item, "proposal", None)
    if proposal:
        by = f" by {proposal.decided_by}" if proposal.decided_by else ""
        told += [(proposal.created_at, "proposed a change" if proposal.changes else "proposed nothing")]
        told += [(proposal.decided_at, f"{proposal.state}{by}")] if proposal.decided_at else []
    return sorted(((at, words) for at, words in told if at is not None), key=lambda one: one[0])
