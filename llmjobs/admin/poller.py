"""The desk's page about the poller: whether it is well, what its last ticks did, and the press that rings for one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import Media
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse

from bookops.admin import ReadOnlyAdmin
from bookops.clock import database_now
from bookops.markup import list_of
from llmjobs import polling
from llmjobs.admin.job_buttons import RUN
from llmjobs.admin.poller_charts import charts_of
from llmjobs.admin.poller_lights import lights_on, unmapped_words
from llmjobs.models import LLMJob, PollTick
from llmjobs.schedule import NAME

#: Ticks in the charts: an hour of beat's.
CHARTED = 120
LISTED = 20
#: Seconds between two looks of the page.
LOOK_AGAIN_IN = 10


@admin.register(PollTick)
class PollTickAdmin(ReadOnlyAdmin):
    """The poller's ticks; their list is the poller's page."""

    fields = [
        *("started_at", "seconds", "jobs_polled", "items_polled", "items_updated", "jobs_resolved"),
        *("errors", "throttled", "unmapped", "cut_short"),
    ]

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["llmjobs/desk.css"]})

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("live/", wrap(self.live_view), name="llmjobs_polltick_live"),
            path("poll-now/", wrap(self.poll_now_view), name="llmjobs_polltick_poll_now"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the poller."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {
            **_shown(),
            "title": "Poller",
            "opts": self.opts,
            "media": self.media,
            "live_address": reverse("admin:llmjobs_polltick_live"),
            "poll_now_address": reverse("admin:llmjobs_polltick_poll_now") if request.user.has_perm(RUN) else "",
            "beat_address": beat_address(request),
            "jobs_address": list_of(LLMJob),
        }
        return TemplateResponse(request, "llmjobs/desk/poller.html", context)

    def live_view(self, request: HttpRequest) -> JsonResponse:
        """Answer a page that keeps itself fresh."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        parts = {"now": render_to_string("llmjobs/desk/poller_now.html", _shown(), request)}
        return JsonResponse({"state": "polls", "parts": parts, "look_again_in": LOOK_AGAIN_IN})

    def poll_now_view(self, request: HttpRequest) -> HttpResponse:
        """Ring for a tick: 405 unless posted, 403 without the permission."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request) or not request.user.has_perm(RUN):
            raise PermissionDenied
        polling.poll_now()
        self.message_user(request, "The poller was rung for.", messages.SUCCESS)
        return HttpResponseRedirect(list_of(PollTick))


def _shown() -> dict[str, Any]:
    """Return what the page shows that changes. Three queries."""
    now = database_now()
    ticks = list(PollTick.objects.all()[:CHARTED])
    return {
        "lights": lights_on(now),
        "last": ticks[0] if ticks else None,
        "charts": charts_of(ticks[::-1]),
        "ticks": ticks[:LISTED],
        "unmapped": unmapped_words(ticks),
    }


def beat_address(request: HttpRequest) -> str:
    """Return the page of beat's row for the poller; "" where there is none, or not for this person."""
    from django_celery_beat.models import PeriodicTask

    row = PeriodicTask.objects.filter(name=NAME).first()
    if row is None or not request.user.has_perm("django_celery_beat.view_periodictask"):
        return ""
    try:
        return reverse("admin:django_celery_beat_periodictask_change", args=[row.pk])
    except NoReverseMatch:
        return ""
