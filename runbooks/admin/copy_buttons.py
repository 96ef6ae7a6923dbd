"""What staff can press about a copy: that it was bought, has arrived, or is out; each makes one call of runbooks/deciding.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from bookops.buttons import Button
from runbooks import deciding
from runbooks.admin.forms import PurchaseForm
from runbooks.admin.money import usd
from runbooks.models import Copy

ACQUIRE = "runbooks.acquire_copy"
Status = Copy.Status


def acquire(request: HttpRequest, copy: Copy, value: str) -> str:
    given = PurchaseForm(request.POST).cleaned()
    try:
        copy = deciding.acquire(copy, deciding.Purchase(**given), by=request.user)
    except deciding.WrongStatus as refusal:
        raise ValidationError(str(refusal)) from None
    return f"Acquired for {usd(copy.purchase_price)}; it is in transit and in the ledger."


def receive(request: HttpRequest, copy: Copy, value: str) -> str:
    try:
        deciding.receive(copy, by=request.user)
    except deciding.WrongStatus as refusal:
        raise ValidationError(str(refusal)) from None
    return "The copy is on hand."


def remove(request: HttpRequest, copy: Copy, value: str) -> str:
    try:
        deciding.remove(copy, by=request.user)
    except deciding.WrongStatus as refusal:
        raise ValidationError(str(refusal)) from None
    return "The copy was removed, with its runbook and photos."


REMOVE = Button(
    "remove",
    "Remove the copy",
    remove,
    ACQUIRE,
    shown=lambda copy: copy.status != Status.REMOVED,
    confirm="Its runbook, comparables, history and photos are removed for good. What it cost stays, here and in the ledger.",
)
COPY_BUTTONS = (
    Button("receive", "It has arrived", receive, ACQUIRE, shown=lambda copy: copy.status == Status.IN_TRANSIT),
    REMOVE,
    Button("acquire", "Acquire", acquire, ACQUIRE, shown=None),
)


def about_copy(button: Button) -> Button:
    """Return a button of a copy for the page of its runbook."""
    press, shown = button.press, button.shown

    def press_on_copy(request: HttpRequest, runbook: Any, value: str) -> str:
        return press(request, runbook.copy, value)

    of_copy: Callable[[Any], bool] | None = (lambda runbook: shown(runbook.copy)) if shown else None
    return replace(button, press=press_on_copy, shown=of_copy)
