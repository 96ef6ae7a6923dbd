"""Buttons on the desk's pages: each is one POST that makes one call and says in a message what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from bookops.markup import list_of, page_of


class NothingMoved(str):
    """What to tell a person whose press found nothing to do: shown as a warning, not as a success, and no part of a history."""


class Caution(str):
    """What to tell a person whose press was done and yet may not do what they expect: shown as a warning."""


#: Acts on an object with the value of the pressed button and returns what to tell the person; raises ValidationError.
Press = Callable[[HttpRequest, Any, str], str]


def moved_of_chosen(what: str, count: int, others: str) -> str:
    """Return what to tell about the chosen rows of a list: "Cancelled: 2. The others had ended already." """
    return f"{what}: {count}. The others {others}." if count else NothingMoved(f"{what}: none. They {others}.")


def always(subject: Any) -> bool:
    """Offer a button whatever the state of its object."""
    return True


@dataclass(frozen=True, slots=True)
class Button:
    """Name a thing that a person may do on an object's page.

    The call itself must be harmless when it no longer fits the object's state: `shown` only decides what the page offers.
    """

    name: str
    label: str
    press: Press
    #: "app.codename"
    permission: str
    #: None for a button that stands within the page, with a value of its own, and not in the row at its top.
    shown: Callable[[Any], bool] | None = always
    #: What the person is told before a second press does it; "" does it at the first.
    confirm: str = ""


class ButtonsMixin(ModelAdmin):
    """Serve the buttons of a ModelAdmin."""

    buttons: tuple[Button, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        press = path(
            "<path:object_id>/press/<slug:name>/",
            self.admin_site.admin_view(self.press_view),
            name=f"{self.opts.app_label}_{self.opts.model_name}_press",
        )
        return [press, *super().get_urls()]

    def buttons_for(self, request: HttpRequest, obj: Any, subject: Any = None) -> list[dict[str, Any]]:
        """Return what the page offers this person, for bookops/desk/buttons.html; `subject` is what `shown` is asked about."""
        about = obj if subject is None else subject
        return [
            {"button": button, "address": self.address_of(obj, button.name)}
            for button in self.buttons
            if button.shown and button.shown(about) and request.user.has_perm(button.permission)
        ]

    def address_of(self, obj: Any, name: str) -> str:
        """Return where a button of that name posts to."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_press", args=[obj.pk, name])

    def tell(self, request: HttpRequest, told: str) -> None:
        """Show what came of a press, or of an action of the list."""
        self.message_user(request, told, messages.WARNING if isinstance(told, (NothingMoved, Caution)) else messages.SUCCESS)

    def press_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Press a button: 405 unless posted, 404 for what is not there, 403 without the permission."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        button = next((one for one in self.buttons if one.name == name), None)
        if button is None:
            raise Http404
        if not self.has_view_permission(request) or not request.user.has_perm(button.permission):
            raise PermissionDenied
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        told: str = NothingMoved()
        try:
            told = button.press(request, obj, request.POST.get("value", ""))
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        else:
            self.tell(request, told)
        if self.get_object(request, object_id) is None:  # deleted, for good or for now
            return HttpResponseRedirect(list_of(self.model))
        if not isinstance(told, NothingMoved):
            self.log_change(request, obj, f"{button.label}: {told}")
        return HttpResponseRedirect(page_of(obj))
