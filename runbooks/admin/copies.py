"""The desk's pages about copies: what an owner looks at, waits for, has or had."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import Media
from django.http import HttpRequest

from bookops.admin import ReadOnlyAdmin
from bookops.markup import badge
from bookops.markup import text as foreign
from runbooks.admin.copy_buttons import ACQUIRE, COPY_BUTTONS
from runbooks.admin.forms import PurchaseForm
from runbooks.admin.money import usd
from runbooks.models import Copy, EvalRunbook


@admin.register(Copy)
class CopyAdmin(ReadOnlyAdmin):
    """Copies of all owners."""

    list_display = ["title", "status_shown", "volumes", "value", "paid", "discount", "purchase_date", "owner"]
    list_filter = ["status", "created_at", "purchase_date"]
    list_select_related = ["book", "owner"]
    search_fields = ["book__title", "book__author", "order_number", "owner__username"]
    ordering = ["-id"]
    change_form_template = "runbooks/desk/copy.html"
    buttons = COPY_BUTTONS

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["runbooks/desk.css"]})

    def list_queryset(self, copies: QuerySet[Copy]) -> QuerySet[Copy]:
        """Leave what only a book's page shows out of the list."""
        return copies.defer("scoring_snapshot", "book__description", "book__subjects", "book__provenance")

    @admin.display(description="title", ordering="book__title")
    def title(self, copy: Copy) -> str:
        return foreign(copy.book.title, 70)

    @admin.display(description="status", ordering="status")
    def status_shown(self, copy: Copy) -> str:
        return badge(copy.status, copy.get_status_display())

    @admin.display(description="value", ordering="value_mid")
    def value(self, copy: Copy) -> str:
        return usd(copy.value_mid)

    @admin.display(description="paid", ordering="purchase_price")
    def paid(self, copy: Copy) -> str:
        return usd(copy.purchase_price)

    @admin.display(description="below its value")
    def discount(self, copy: Copy) -> str:
        return f"{copy.discount_pct} %" if copy.discount_pct is not None else ""

    def page(self, request: HttpRequest, obj: Copy) -> dict[str, Any]:
        may_acquire = request.user.has_perm(ACQUIRE) and obj.status == Copy.Status.EVALUATING
        return {
            "copy": obj,
            "title": obj.book.title,
            "buttons": self.buttons_for(request, obj),
            "runbook": EvalRunbook.objects.filter(copy=obj).first(),
            "acquire_address": self.address_of(obj, "acquire") if may_acquire else "",
            "form": PurchaseForm(),
            "ledger": obj.ledger.order_by("-at"),
        }
