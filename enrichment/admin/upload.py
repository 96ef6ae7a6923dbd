"""The form that staff upload a library export with."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model

from bookops.admin import ThemedFileInput
from enrichment.models import LibraryImport


class UploadForm(forms.Form):
    """Ask for an export and how to work on it; `data_for_import` is what start_import wants."""

    file = forms.FileField(
        label="Library export",
        help_text="The CSV file as Goodreads or StoryGraph gave it, unchanged.",
        widget=ThemedFileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
        max_length=255,
        # Refused by the reader of exports, with a remedy.
        allow_empty_file=True,
    )
    policy = forms.ChoiceField(
        label="Sources",
        choices=[
            ("", "As the settings say"),
            (LibraryImport.Policy.FRUGAL, "Frugal: the next source only where the first left a gap"),
            (LibraryImport.Policy.THOROUGH, "Thorough: both sources for each book"),
        ],
        required=False,
    )
    tolerated_failures = forms.FloatField(
        label="Tolerated failures, in per cent",
        help_text="The import fails when a larger share of its rows does. Empty: it never fails for that.",
        min_value=0,
        max_value=100,
        required=False,
    )
    owner = forms.CharField(label="Owner", help_text="Whose library it is, by username. Empty: yours.", max_length=150, required=False)

    def __init__(self, data: Any = None, files: Any = None, *, user: Any) -> None:
        super().__init__(data, files, label_suffix="")
        self.user = user
        if not user.is_superuser:
            del self.fields["owner"]

    def clean_owner(self) -> Any:
        """Return the user of that name."""
        name = self.cleaned_data["owner"]
        if not name:
            return self.user
        owner = get_user_model()._default_manager.filter(username=name).first()
        if owner is None:
            raise forms.ValidationError("There is no user of that name.")
        return owner

    def data_for_import(self) -> dict[str, Any]:
        """Return the arguments of start_import."""
        given = self.cleaned_data
        tolerated = given["tolerated_failures"]
        return {
            "owner": given.get("owner", self.user),
            "file": given["file"],
            "filename": given["file"].name,
            "policy": given["policy"] or None,
            "tolerated_failures": None if tolerated is None else tolerated / 100,
        }
