"""The desk's lists of what staff write by hand: the ledger, rates, reference data and owners' wishes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from bookops.admin import DeskAdmin, ThemedTextarea
from bookops.markup import text as foreign
from bookops.staff_groups import let_editors_edit
from runbooks.conditions import spelling_key
from runbooks.models import (
    Author,
    AuthorTier,
    Binder,
    EraRow,
    ExchangeRate,
    GoalRow,
    GradeAlias,
    LedgerEntry,
    Preference,
    Publisher,
    RequirementRow,
)

#: Who wrote a rate, where it was a person.
BY_HAND = "entered by hand"

# What owners' books are judged by is their business; what everybody's are judged by is the administrators'.
let_editors_edit(LedgerEntry, AuthorTier, Preference, RequirementRow, GoalRow)


class EditableAdmin(DeskAdmin):
    """Let staff write rows in a form, as their permissions say."""

    actions = None
    list_per_page = 100


class LinesField(forms.CharField):
    """Edit a list of texts as lines."""

    widget = ThemedTextarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = value if isinstance(value, list) else (value or "").splitlines()
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


class NamedForm(forms.ModelForm):
    """Edit a name with its other spellings, one a line."""

    aliases = LinesField(help_text="Other spellings, one a line.", required=False)


@admin.register(Publisher, Binder, Author)
class NamedAdmin(EditableAdmin):
    """Names with their tiers; one without a tier is known and scores nothing."""

    form = NamedForm
    list_display = ["name", "tier", "also"]
    list_filter = ["tier"]
    search_fields = ["name", "aliases"]

    @admin.display(description="other spellings")
    def also(self, row: Any) -> str:
        return foreign(", ".join(row.aliases), 100)


@admin.register(EraRow)
class EraAdmin(EditableAdmin):
    """Eras by their first and last year."""

    list_display = ["name", "first", "last"]


class GradeAliasForm(forms.ModelForm):
    """Edit a spelling of a grade in the form that it is looked up by."""

    def clean_spelling(self) -> str:
        """Return it as a lookup writes it."""
        key: str = spelling_key(self.cleaned_data["spelling"])
        if not key:
            raise ValidationError("It holds no letters.")
        return key


@admin.register(GradeAlias)
class GradeAliasAdmin(EditableAdmin):
    """Spellings of condition grades."""

    form = GradeAliasForm
    list_display = ["spelling", "grade"]
    list_filter = ["grade"]
    search_fields = ["spelling"]


@admin.register(AuthorTier)
class AuthorTierAdmin(EditableAdmin):
    """Owners' own tiers of authors."""

    list_display = ["author", "tier", "owner"]
    list_filter = ["tier"]
    list_select_related = ["owner"]
    search_fields = ["author", "owner__username"]


@admin.register(Preference)
class PreferenceAdmin(EditableAdmin):
    """What owners would rather have."""

    list_display = ["name", "kind", "owner"]
    list_filter = ["kind"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]


@admin.register(RequirementRow)
class RequirementAdmin(EditableAdmin):
    """Publishers that owners want authors by."""

    list_display = ["author", "publisher", "owner"]
    list_select_related = ["owner"]
    search_fields = ["author", "publisher", "owner__username"]


@admin.register(GoalRow)
class GoalAdmin(EditableAdmin):
    """What owners are after."""

    list_display = ["label", "author", "publisher", "binder", "first_year", "last_year", "owner"]
    list_select_related = ["owner"]
    search_fields = ["label", "owner__username"]


@admin.register(ExchangeRate)
class ExchangeRateAdmin(EditableAdmin):
    """Units of a currency for one US dollar, by day; what staff write stays."""

    list_display = ["day", "currency", "rate", "source"]
    list_filter = ["currency", "source"]
    search_fields = ["currency"]
    date_hierarchy = "day"
    fields = ["day", "currency", "rate"]

    def save_model(self, request: HttpRequest, obj: ExchangeRate, form: Any, change: bool) -> None:
        """Say that a person wrote it."""
        obj.currency = obj.currency.upper()
        obj.source = BY_HAND
        super().save_model(request, obj, form, change)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(EditableAdmin):
    """What owners paid and got."""

    list_display = ["at", "kind", "title_shown", "amount", "currency", "where", "owner"]
    list_filter = ["kind", "at"]
    list_select_related = ["owner"]
    search_fields = ["title", "author", "owner__username"]
    ordering = ["-at", "-id"]
    raw_id_fields = ["copy"]

    @admin.display(description="title", ordering="title")
    def title_shown(self, entry: LedgerEntry) -> str:
        return foreign(entry.title, 70)
