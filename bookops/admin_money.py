"""The desk's pages about money: language models with their prices and limits, budgets, and what was spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.utils.module_loading import import_string

from bookops.admin import UNFOLD, DeskAdmin, ReadOnlyAdmin, ThemedTextarea
from bookops.language_models import LanguageModel, ModelLimit, ModelPrice
from bookops.spend import Account, Budget, dollars

PICTURE_TIERS = [("high", "high resolution"), ("standard", "standard")]


if TYPE_CHECKING:
    from django.contrib.admin import TabularInline as ThemedTabularInline
else:
    ThemedTabularInline = import_string("unfold.admin.TabularInline" if UNFOLD else "django.contrib.admin.TabularInline")


class DatedInline(ThemedTabularInline):
    """Rows that hold from a day on; an earlier one stays, for what was spent under it rests on it."""

    extra = 0
    can_delete = False


class PriceInline(DatedInline):
    model = ModelPrice


class LimitInline(DatedInline):
    model = ModelLimit


class LanguageModelForm(forms.ModelForm):
    """Edit a model; its efforts as words."""

    picture_tier = forms.ChoiceField(choices=PICTURE_TIERS)
    efforts = forms.CharField(
        help_text="Reasoning efforts in ascending order, separated by spaces.", widget=ThemedTextarea(attrs={"rows": 1}), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["efforts"] = " ".join(self.instance.efforts)

    def clean_efforts(self) -> list[str]:
        """Return the words."""
        words: str = self.cleaned_data["efforts"]
        return words.replace(",", " ").split()


@admin.register(LanguageModel)
class LanguageModelAdmin(DeskAdmin):
    """Models with what they cost and let us send, as dated rows."""

    form = LanguageModelForm
    list_display = ["name", "provider", "context_tokens", "most_output_tokens", "retires_on", "successor"]
    list_filter = ["provider"]
    search_fields = ["name"]
    inlines = (PriceInline, LimitInline)
    actions = None


@admin.register(Budget)
class BudgetAdmin(DeskAdmin):
    """What owners may spend a day, where that differs from the settings."""

    list_display = ["owner", "dollars_per_day"]
    list_select_related = ["owner"]
    search_fields = ["owner__username"]
    actions = None


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """What is held and spent of each purse: an owner's day, a job."""

    list_display = ["scope", "held_shown", "spent_shown"]
    search_fields = ["scope"]
    search_help_text = "Such as owner:7:2026-11-22"
    ordering = ["-id"]
    fields = ["scope", "held_shown", "spent_shown"]

    @admin.display(description="held", ordering="held")
    def held_shown(self, account: Account) -> str:
        return dollars(account.held)

    @admin.display(description="spent", ordering="spent")
    def spent_shown(self, account: Account) -> str:
        return dollars(account.spent)
