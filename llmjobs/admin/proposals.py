"""The desk's list of what answers proposed, and what became of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import Media
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from bookops.admin import ReadOnlyAdmin
from bookops.markup import ago, badge, link, page_of
from bookops.markup import text as foreign
from llmjobs.admin.cards import shown
from llmjobs.admin.review import ReviewMixin
from llmjobs.admin.statuses import JobFilter
from llmjobs.models import Proposal


@admin.register(Proposal)
class ProposalAdmin(ReviewMixin, ReadOnlyAdmin):
    """What answers proposed, and what became of it."""

    list_display = ["about", "state_shown", "why_shown", "would_change", "confidence", "model_shown", "decided", "decided_by", "job_shown"]
    list_filter = ["state", "why", JobFilter, "item__model", "decided_at"]
    list_select_related = ["item", "job", "decided_by"]
    list_per_page = 25
    search_fields = ["item__target_label"]
    ordering = ["-id"]

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["llmjobs/desk.css"]}, js=["llmjobs/review.js"])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Proposal]:
        return super().get_queryset(request).filter(job__deleted_at=None)

    def list_queryset(self, some: QuerySet[Proposal]) -> QuerySet[Proposal]:
        """Leave out what only an item's page shows."""
        return some.defer("item__prompt", "item__answer", "item__response", "job__system", "job__template", "job__scope")

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead to the item, whose page shows all of it."""
        proposal = self.get_object(request, object_id)
        if proposal is None or not self.has_view_permission(request, proposal):
            return super().change_view(request, object_id, *args, **kwargs)
        return HttpResponseRedirect(page_of(proposal.item))

    @admin.display(description="about")
    def about(self, proposal: Proposal) -> str:
        return foreign(proposal.item.target_label or f"number {proposal.target_id}", 60)

    @admin.display(description="state", ordering="state")
    def state_shown(self, proposal: Proposal) -> str:
        return badge(proposal.state, proposal.get_state_display())

    @admin.display(description="why it waited", ordering="why")
    def why_shown(self, proposal: Proposal) -> str:
        return proposal.get_why_display() if proposal.why else ""

    @admin.display(description="would change")
    def would_change(self, proposal: Proposal) -> str:
        return foreign("; ".join(f"{name.replace('_', ' ')}: {shown(one['after'])}" for name, one in proposal.changes.items()), 80)

    @admin.display(description="model")
    def model_shown(self, proposal: Proposal) -> str:
        return proposal.item.model

    @admin.display(description="decided", ordering="decided_at")
    def decided(self, proposal: Proposal) -> str:
        return ago(proposal.decided_at) if proposal.decided_at else ""

    @admin.display(description="job")
    def job_shown(self, proposal: Proposal) -> str:
        return link(page_of(proposal.job), proposal.job.label[:40])
