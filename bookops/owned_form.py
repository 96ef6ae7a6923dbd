"""OwnedForm: the part of a form that asks a superuser for whom something is done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model


class OwnedForm(forms.Form):
    """Ask a superuser whose it is; everybody else's is their own."""

    owner = forms.CharField(label="Owner", help_text="Whose it is, by username. Empty: yours.", max_length=150, required=False)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)
        self.user = user
        if user.is_superuser:
            self.order_fields([name for name in self.fields if name != "owner"] + ["owner"])
        else:
            del self.fields["owner"]

    def clean_owner(self) -> Any:
        """Return the user of that name."""
        name = self.cleaned_data["owner"]
        owner = get_user_model()._default_manager.filter(username=name).first() if name else self.user
        if owner is None:
            raise forms.ValidationError("There is no user of that name.")
        return owner

    @property
    def owner_chosen(self) -> Any:
        return self.cleaned_data.get("owner", self.user)
