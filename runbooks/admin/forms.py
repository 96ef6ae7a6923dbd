"""What staff type on the page of a runbook; each form's `cleaned` raises one ValidationError with all that is wrong."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from bookops.admin import ThemedFileInput
from runbooks.deciding import DECISIONS
from runbooks.models import Comparable
from runbooks.tables import MAX_BYTES

BASES = [(Comparable.Basis.ASKING, "asked for"), (Comparable.Basis.SOLD, "sold"), (Comparable.Basis.AUCTION, "bid at auction")]
RELEVANCES = [("", "as the code judges"), *Comparable.Relevance.choices]


class TypedForm(forms.Form):
    """A form whose faults are told in a message, for its page is drawn anew."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)

    def cleaned(self) -> dict[str, Any]:
        """Return what was typed; raises ValidationError."""
        if self.is_valid():
            return self.cleaned_data
        told = ((self.fields.get(name), " ".join(map(str, errors))) for name, errors in self.errors.items())
        raise ValidationError([f"{field.label}: {words}" if field else words for field, words in told])


class PriceForm(TypedForm):
    """What is asked now."""

    price = forms.DecimalField(
        label="Asking price, US dollars", min_value=0, max_digits=10, decimal_places=2, error_messages={"required": "Give the price."}
    )
    discount_code = forms.CharField(label="Discount code", max_length=100, required=False)
    notes = forms.CharField(label="Note", max_length=2000, required=False)


class WhyForm(TypedForm):
    """The reason of a change."""

    why = forms.CharField(label="Why", max_length=250)


class RelevanceForm(WhyForm):
    relevance = forms.ChoiceField(label="Relevance", choices=Comparable.Relevance.choices)


class AdjustForm(WhyForm):
    """Per cent of a comparable's price that the copy is worth in one respect."""

    edition = forms.DecimalField(label="Edition %", required=False)
    binding = forms.DecimalField(label="Binding %", required=False)
    condition = forms.DecimalField(label="Condition %", required=False)


class ComparableForm(TypedForm):
    """One comparable that a person knows of."""

    title = forms.CharField(label="Title", max_length=500)
    author = forms.CharField(label="Author", max_length=300, required=False)
    price = forms.CharField(label="Price", max_length=50, help_text="With its currency where that is not US dollars: £45, 45 EUR.")
    basis = forms.ChoiceField(label="Basis", choices=BASES)
    at = forms.CharField(label="Date", max_length=30, required=False, help_text="2024-05-31")
    condition = forms.CharField(label="Condition", max_length=200, required=False)
    binding = forms.CharField(label="Binding", max_length=200, required=False)
    url = forms.CharField(label="Address", max_length=1000, required=False)
    source = forms.CharField(label="Source", max_length=100, required=False)
    relevance = forms.ChoiceField(label="Relevance", choices=RELEVANCES, required=False)
    why = forms.CharField(label="Why so relevant", max_length=250, required=False)


class CsvForm(TypedForm):
    """A file of comparables."""

    file = forms.FileField(
        label="CSV file",
        widget=ThemedFileInput(attrs={"accept": ".csv,text/csv"}),
        help_text="Title and price; if known author, currency, date, basis, condition, binding, url, source.",
    )
    basis = forms.ChoiceField(label="Rows that do not say were", choices=BASES)

    def clean_file(self) -> bytes:
        """Return the file's bytes."""
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise ValidationError(f"It is larger than {MAX_BYTES // 1_000_000} MB. Part it.")
        content: bytes = file.read()
        return content


class LinesForm(TypedForm):
    """Comparables as lines of text."""

    text = forms.CharField(
        label="Lines",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One a line: a price, maybe a date, “sold” and an address; the rest is the title.",
    )
    basis = forms.ChoiceField(label="Lines that do not say were", choices=BASES)


class DecisionForm(TypedForm):
    """A person's word beside the computed one."""

    decision = forms.ChoiceField(
        label="Decision",
        choices=[("", "none: take it back"), *((one, one.replace("_", " ").lower()) for one in DECISIONS)],
        required=False,
    )
    reason = forms.CharField(label="Reason", max_length=5000, required=False)


class PurchaseForm(TypedForm):
    """What is known of a purchase."""

    price = forms.DecimalField(label="Price paid, US dollars", min_value=0, max_digits=10, decimal_places=2)
    at = forms.DateField(label="Bought on", widget=forms.DateInput(attrs={"type": "date"}))
    place = forms.CharField(label="Where", max_length=200, required=False)
    order_number = forms.CharField(label="Order number", max_length=100, required=False)
    estimated_delivery = forms.DateField(label="Expected", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    tracking = forms.CharField(label="Tracking", max_length=200, required=False)
