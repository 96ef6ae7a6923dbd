"""The desk's ground: what every admin page of the project is built on, and the core's own pages."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from bookops.buttons import ButtonsMixin
from bookops.capped_pages import CappedPaginator
from bookops.clock import database_now
from bookops.events import RunEvent
from bookops.home_page import Panel, add_panel
from bookops.markup import ago, badge, in_words, lasting, pretty_json
from bookops.markup import text as foreign
from bookops.pulse import Pulse, standings

UNFOLD = settings.ADMIN_THEME == "unfold"

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as ThemedModelAdmin
    from django.contrib.admin.widgets import AdminTextareaWidget as ThemedTextarea
    from django.forms import FileInput as ThemedFileInput
else:
    ThemedModelAdmin = import_string("unfold.admin.ModelAdmin" if UNFOLD else "django.contrib.admin.ModelAdmin")
    # unfold's script writes a chosen file's name into the text input beside it: with any other widget, into the form's first one.
    ThemedFileInput = import_string("unfold.widgets.UnfoldAdminFileFieldWidget" if UNFOLD else "django.forms.FileInput")
    ThemedTextarea = import_string(
        "unfold.widgets.UnfoldAdminTextareaWidget" if UNFOLD else "django.contrib.admin.widgets.AdminTextareaWidget"
    )
if UNFOLD:
    from bookops import quick_lists

    quick_lists.use()

admin.site.site_header = admin.site.site_title = "bookops"
admin.site.index_title = "Desk"
admin.site.index_template = "bookops/desk/home.html"
# What "View site" would lead to is this desk.
admin.site.site_url = None


class DeskAdmin(ButtonsMixin, ThemedModelAdmin):
    """Give every page the project's look and lists that cost the same with a million rows."""

    paginator = CappedPaginator
    list_per_page = 50
    show_full_result_count = False
    # Facets would count the whole table once for every choice.
    show_facets = admin.ShowFacets.NEVER
    # Asked for twice a row: where nothing has that name, a template first looks through all the names there are.
    list_sections: ClassVar[Any] = ()
    if UNFOLD:
        action_checkbox = quick_lists.action_checkbox

    def list_queryset(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows with what only the list needs, and without what only an object's page needs."""
        return rows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        match = request.resolver_match
        return self.list_queryset(rows) if match and str(match.url_name).endswith("_changelist") else rows

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["bookops/desk.css"]}, js=["bookops/desk.js"])


class ReadOnlyAdmin(DeskAdmin):
    """Show rows and let nobody write them by hand; what may be done with one is a button.

    A subclass with a `change_form_template` shows an object by that template, with what `page` returns, instead of a form.
    """

    change_form_template: ClassVar[Any] = None
    actions: Any = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return what the page of an object shows."""
        return {}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # The template shows what there is; Django need not render every column as well.
        return () if self.change_form_template else super().get_fields(request, obj)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        obj = kwargs.get("obj")
        if self.change_form_template and obj is not None:
            context |= {"title": str(obj), "subtitle": None} | self.page(request, obj)
        return super().render_change_form(request, context, *args, **kwargs)


class RunAdmin(ReadOnlyAdmin):
    """Show runs: state, progress, when it started, how long it took, what went wrong.

    Subclasses annotate what they list as progress in `list_queryset`.
    """

    @admin.display(description="state", ordering="state")
    def state_shown(self, run: Any) -> str:
        return badge(run.state, run.get_state_display())

    @admin.display(description="started", ordering="started_at")
    def started(self, run: Any) -> str:
        return ago(run.started_at) if run.started_at else "–"

    @admin.display(description="took")
    def duration(self, run: Any) -> str:
        return lasting(run.started_at, run.ended_at)

    @admin.display(description="what went wrong")
    def error(self, run: Any) -> str:
        return foreign(f"{run.reason}: {run.detail}" if run.detail else run.reason, 120) if run.reason else ""


@admin.register(RunEvent)
class RunEventAdmin(ReadOnlyAdmin):
    """What happened to runs, newest first."""

    list_display = ["at", "kind", "seq", "run_id", "what"]
    ordering = ["-id"]
    search_fields = ["run_id"]
    search_help_text = "The whole id of a run"
    fields = ["run_id", "seq", "kind", "owner", "at", "payload_shown"]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        """Find by a run's id. Django's own search would compare text, past the index."""
        if not search_term:
            return queryset, False
        try:
            return queryset.filter(run_id=uuid.UUID(search_term.strip())), False
        except ValueError:
            return queryset.none(), False

    @admin.display(description="what")
    def what(self, event: RunEvent) -> str:
        return foreign(in_words(event.payload), 140)

    @admin.display(description="payload")
    def payload_shown(self, event: RunEvent) -> str:
        return pretty_json(event.payload)


@admin.register(Pulse)
class PulseAdmin(ReadOnlyAdmin):
    """When each long-running part was last seen alive."""

    list_display = ["name", "alive", "seen", "counts"]
    fields = ["name", "at", "counts"]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Look once how all parts stand, and not anew for each row."""
        changelist = super().get_changelist_instance(request)
        standing = standings(Pulse.objects.all(), database_now())
        for pulse in changelist.result_list:
            pulse.standing = standing.get(pulse.name)
        return changelist

    @admin.display(description="alive", boolean=True)
    def alive(self, pulse: Any) -> bool | None:
        # Unknown is no alarm: another stands in for it.
        return {"alive": True, "silent": False}.get(pulse.standing)

    @admin.display(description="last seen", ordering="at")
    def seen(self, pulse: Pulse) -> str:
        return ago(pulse.at)


def _look_at_pulses(request: HttpRequest) -> dict[str, Any]:
    pulses = list(Pulse.objects.all()[:50])
    standing = standings(pulses, database_now())
    seen = {name for name, word in standing.items() if word == "alive"}
    return {
        "pulses": [(pulse, standing[pulse.name]) for pulse in pulses],
        "sweeper_silent": "sweeper" not in seen,
        "no_worker": not any(name.startswith("worker") for name in seen),
    }


add_panel(Panel("Parts of the system", "bookops/desk/pulses.html", _look_at_pulses, "bookops.view_pulse", place=90))

admin.site.unregister([User, Group])


@admin.register(User)
class DeskUserAdmin(UserAdmin, ThemedModelAdmin):
    """Staff make the accounts."""

    if UNFOLD:
        form = import_string("unfold.forms.UserChangeForm")
        add_form = import_string("unfold.forms.UserCreationForm")
        change_password_form = import_string("unfold.forms.AdminPasswordChangeForm")


@admin.register(Group)
class DeskGroupAdmin(GroupAdmin, ThemedModelAdmin):
    """Groups of permissions, for instance those who may run imports."""


from bookops import admin_money  # noqa: E402, F401 - it stands on the classes above
