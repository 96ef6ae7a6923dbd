"""The desk's review page: a person looks at what waits and accepts, corrects or rejects it, one by one or many at once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from bookops.buttons import ButtonsMixin, NothingMoved
from bookops.capped_pages import CappedPaginator
from bookops.markup import list_of, page_of
from llmjobs import reviewing
from llmjobs.admin.cards import cards_of, corrections
from llmjobs.admin.job_buttons import REVIEW
from llmjobs.models import LLMJob, Proposal

CARDS_ON_A_PAGE = 20
#: Decided about by one press; `reviewing` does so in transactions of some hundred.
MOST_AT_ONCE = 2_000
JSON = "application/json"


class ReviewMixin(ButtonsMixin):
    """Serve the review page of the ProposalAdmin."""

    def get_urls(self) -> list[URLPattern]:
        return [path("review/", self.admin_site.admin_view(self.review_view), name="llmjobs_proposal_review"), *super().get_urls()]

    def review_view(self, request: HttpRequest) -> HttpResponse:
        """Show what waits, or decide about some of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._decide(request)
        wanted = Wanted(request)
        page = CappedPaginator(wanted.waiting(), CARDS_ON_A_PAGE).get_page(request.GET.get("page"))
        context = self.admin_site.each_context(request) | {
            "title": f"Review: {wanted.job.label}" if wanted.job else "Review",
            "opts": self.opts,
            "media": self.media,
            "wanted": wanted,
            "cards": cards_of(page.object_list),
            "page": page,
            "whys": [(name, label, count, wanted.address(why=name), name == wanted.why) for name, label, count in wanted.whys()],
            "may_review": request.user.has_perm(REVIEW),
            "most_at_once": MOST_AT_ONCE,
            "jobs_address": list_of(LLMJob),
            "list_address": list_of(Proposal),
        }
        return TemplateResponse(request, "llmjobs/desk/review.html", context)

    def _decide(self, request: HttpRequest) -> HttpResponse:
        """Do what was pressed; a script is told what to take off the page and what is left, anybody else is led back."""
        if not request.user.has_perm(REVIEW):
            raise PermissionDenied
        ids = chosen(request)
        try:
            reviewed, refusal = decide(request, ids), ""
        except ValidationError as error:
            reviewed, refusal = reviewing.Reviewed(), " ".join(error.messages)
        told = refusal or reviewed_words(reviewed)
        for job in LLMJob.objects.filter(proposals__in=ids).distinct():
            self.log_change(request, job, f"Review: {told}")
        if request.headers.get("Accept") == JSON:
            left = {"waiting": Wanted(request).counts()}
            return JsonResponse({"told": told, "refused": bool(refusal), "stale": reviewed.stale, "gone": gone(ids)} | left)
        if refusal:
            self.message_user(request, told, messages.ERROR)
        else:
            self.tell(request, told)
        return HttpResponseRedirect(_back(request))


class Wanted:
    """Read which of the waiting proposals a person wants to see: of a job, for a reason."""

    def __init__(self, request: HttpRequest) -> None:
        try:
            job_id = uuid.UUID(request.GET.get("job", ""))
        except ValueError:
            job_id = None
        self.job = LLMJob.objects.filter(pk=job_id, deleted_at=None).first() if job_id else None
        why = request.GET.get("why", "")
        self.why = why if why in Proposal.Why.values else ""

    def waiting(self) -> QuerySet[Proposal]:
        """Return what is to be shown; what several models said of one target stands together."""
        waiting = self._of_job().filter(why=self.why) if self.why else self._of_job()
        return waiting.select_related("item", "job__owner").defer("item__prompt", "item__response").order_by("job", "target_id", "pk")

    def whys(self) -> list[tuple[str, str, int]]:
        """Return the reasons for which something waits, with how many each. One query."""
        counts = dict(self._of_job().order_by().values_list("why").annotate(n=Count("pk")))
        return [(why.value, str(why.label), counts[why]) for why in Proposal.Why if counts.get(why)]

    def counts(self) -> dict[str, int]:
        """Return how many wait for each reason, and as "shown" how many the filter shows."""
        counts = {name: count for name, _, count in self.whys()}
        return counts | {"shown": counts.get(self.why, 0) if self.why else sum(counts.values())}

    def address(self, *, why: str = "") -> str:
        """Return where the same job's proposals are shown for another reason."""
        asked = {"job": str(self.job.pk) if self.job else "", "why": why}
        return f"{reverse('admin:llmjobs_proposal_review')}?{urlencode({name: one for name, one in asked.items() if one})}"

    @property
    def job_address(self) -> str:
        return page_of(self.job) if self.job else ""

    def _of_job(self) -> QuerySet[Proposal]:
        waiting = Proposal.objects.filter(state=Proposal.State.WAITING, job__deleted_at=None)
        return waiting.filter(job=self.job) if self.job else waiting


def chosen(request: HttpRequest) -> list[int]:
    """Return the ids that a decision is about: those ticked, or the first of all that the filter shows."""
    if request.POST.get("which") == "all":
        return list(Wanted(request).waiting().values_list("pk", flat=True)[:MOST_AT_ONCE])
    ids = [int(one) for one in request.POST.getlist("proposal")[:MOST_AT_ONCE] if one.isascii() and one.isdigit() and len(one) < 19]
    return list(Proposal.objects.filter(pk__in=ids, job__deleted_at=None).values_list("pk", flat=True))


def decide(request: HttpRequest, ids: Sequence[int]) -> reviewing.Reviewed:
    """Do what was pressed; raises ValidationError for a value that cannot be, and for a press that is none."""
    match request.POST.get("decision"):
        case "accept":
            return reviewing.accept(ids, by=request.user)
        case "reject":
            return reviewing.reject(ids, by=request.user)
        case "correct" if len(ids) == 1:
            typed: dict[str, Any] = request.POST.dict()
            return reviewing.correct(ids[0], corrections(Proposal.objects.get(pk=ids[0]), typed), by=request.user)
    raise ValidationError("Accept, reject or correct.")


def reviewed_words(reviewed: reviewing.Reviewed) -> str:
    """Return what became of what was decided about."""
    told = [
        (reviewed.applied, "written"),
        (reviewed.rejected, "rejected"),
        (reviewed.stale, "changed meanwhile, and shown again as it is now"),
        (reviewed.nothing, "with nothing left to change"),
        (reviewed.decided, "decided before"),
    ]
    words = ", ".join(f"{count:,} {what}" for count, what in told if count)
    return f"Proposals: {words}." if words else NothingMoved("No proposal was chosen.")


def gone(ids: Sequence[int]) -> list[int]:
    """Return what waits no more of all that is about the same targets: deciding about one model's answer decides about the others'."""
    told: set[int] = set()
    for job_id, target_id in set(Proposal.objects.filter(pk__in=ids).values_list("job_id", "target_id")):
        same = Proposal.objects.filter(job=job_id, target_id=target_id).exclude(state=Proposal.State.WAITING)
        told |= set(same.values_list("pk", flat=True))
    return sorted(told)


def _back(request: HttpRequest) -> str:
    """Return where the press came from, if that is a page of ours."""
    back = request.POST.get("back", "")
    return back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else request.get_full_path()
