"""Begin a job on the desk: one form, a preview with an estimate, and only then the press that spends money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from bookops.clock import database_now
from bookops.language_models import UnknownModel
from bookops.list_actions import ListAction, add_list_action
from bookops.markup import list_of, page_of
from bookops.purposes import Purpose, all_purposes
from bookops.spend import dollars, owner_purse, room_in
from llmjobs.admin.job_buttons import RUN
from llmjobs.admin.plan_form import PlanForm, as_initial, ids_typed
from llmjobs.estimating import Estimate, estimate
from llmjobs.jobs import create_job
from llmjobs.models import LLMJob
from llmjobs.plans import MOST_TARGETS
from llmjobs.previewing import preview

PROMPTS_SHOWN = 3
FIRST_PURPOSE = "flag"


class StartingMixin(ModelAdmin):
    """Serve the form of the LLMJobAdmin."""

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the form, what it comes to, or begin what was shown."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return _first_page(request)
        purpose, ids = _purpose(request.POST.get("purpose")), ids_typed(request.POST.get("ids", ""))
        if "reword" in request.POST or request.POST.get("worded_for") != purpose.name:
            # Of the old purpose's form only what it is about stays.
            return form_page(request, PlanForm(user=request.user, purpose=purpose, ids=ids, initial=_owner_typed(request)))
        form = PlanForm(request.POST.copy(), user=request.user, purpose=purpose, ids=ids)
        shown = _estimated(form) if form.is_valid() else {}
        if not shown or "submit" not in request.POST:
            return form_page(request, form, shown)
        if form.cleaned_data["estimated"] != shown["digest"]:
            form.add_error(None, "Something was changed since the estimate: look at the new one below, then submit.")
            return form_page(request, form, shown)
        job = create_job(form.owner_chosen, purpose.name, form.scope, form.plan)
        self.log_addition(request, job, "Begun.")
        self.message_user(request, f"{job.label}: {job.total_items:,} items are being rendered.", messages.SUCCESS)
        return HttpResponseRedirect(page_of(job))


def _first_page(request: HttpRequest) -> HttpResponse:
    if clone := request.GET.get("clone"):
        try:
            job = LLMJob.objects.select_related("owner").get(pk=clone, deleted_at=None)
        except (LLMJob.DoesNotExist, ValidationError):
            raise Http404 from None
        ids = [one for scope in job.scopes.all() for one in scope.ids]
        return form_page(request, PlanForm(user=request.user, purpose=_purpose(job.purpose), ids=ids, initial=dict(as_initial(job))))
    return form_page(request, PlanForm(user=request.user, purpose=_purpose(request.GET.get("purpose"))))


def form_page(request: HttpRequest, form: PlanForm, shown: Mapping[str, Any] | None = None) -> TemplateResponse:
    """Return the page with the form, and with what it comes to where that was estimated."""
    model_admin = admin.site.get_model_admin(LLMJob)
    context = admin.site.each_context(request) | {
        "title": "Ask a language model",
        "form": form,
        "purpose": form.chosen_purpose,
        "media": model_admin.media,
        "opts": LLMJob._meta,
        "form_address": reverse("admin:llmjobs_llmjob_add"),
        "list_address": list_of(LLMJob),
        **(shown or {}),
    }
    return TemplateResponse(request, "llmjobs/desk/start.html", context)


def _estimated(form: PlanForm) -> dict[str, Any]:
    """Return what the page shows of a preview and an estimate; {} where the job would be refused, which the form then says."""
    owner, name = form.owner_chosen, form.chosen_purpose.name
    try:
        seen = preview(owner, name, form.scope, form.plan, most=PROMPTS_SHOWN)
        comes_to = estimate(owner, name, form.scope, form.plan)
    except ValidationError as error:
        form.refuse(error)
        return {}
    except UnknownModel as error:
        form.add_error("model", str(error))
        return {}
    except (ArithmeticError, DataError):
        # A number that a column cannot hold is noticed by the database, or on the way to it.
        form.add_error("scope_kind", "A filter has a value out of range.")
        return {}
    digest = form.digest()
    form.data["estimated"] = digest  # type: ignore[index]  # a copy, made to be changed
    return {"digest": digest, "preview": seen, **_money(owner, comes_to, form)}


def _money(owner: Any, comes_to: Estimate, form: PlanForm) -> dict[str, Any]:
    """Return the estimate in words, beside what its owner may still spend today."""
    room = room_in(owner_purse(owner.pk, database_now().date()))
    cap = form.cleaned_data["cap"]
    bounds = [bound for bound in (room, cap) if bound is not None]
    return {
        "estimate": comes_to,
        "asks": [(ask, dollars(ask.cost), dollars(ask.most_cost)) for ask in comes_to.asks],
        "cost": dollars(comes_to.cost),
        "most_cost": dollars(comes_to.most_cost),
        "resent": dollars(comes_to.most_cost_if_resent) if comes_to.most_cost_if_resent > comes_to.most_cost else "",
        "room": dollars(room) if room is not None else "",
        "is_over": bool(bounds) and comes_to.cost > min(bounds),
    }


def _purpose(name: str | None) -> Purpose:
    """Return a purpose by its name; the first one for a name that is none."""
    purposes = all_purposes()
    return purposes[name] if name in purposes else purposes.get(FIRST_PURPOSE) or next(iter(purposes.values()))


def _owner_typed(request: HttpRequest) -> dict[str, str]:
    return {"owner": request.POST.get("owner", "")}


def ask_about(request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
    """Show the form for books that were chosen in their list; they must be of one owner, who pays."""
    owners: Sequence[Any] = list(chosen.order_by().values_list("owner", flat=True).distinct()[:2])
    if len(owners) != 1:
        messages.error(request, "Choose books of one owner: a job changes one library, and is paid from one purse.")
        return None
    if owners[0] != request.user.pk and not getattr(request.user, "is_superuser", False):
        messages.error(request, "These are somebody else's books: only a superuser asks about those.")
        return None
    ids = list(chosen.order_by("pk").values_list("pk", flat=True)[: MOST_TARGETS + 1])
    first = chosen.select_related("owner").get(pk=ids[0])
    purpose = _purpose(FIRST_PURPOSE)
    return form_page(request, PlanForm(user=request.user, purpose=purpose, ids=ids, initial={"owner": first.owner.get_username()}))


add_list_action("book", ListAction("ask_language_model", "Ask a language model about these", ask_about, RUN))
