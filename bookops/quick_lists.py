"""The theme's lists, drawn quicker: what is the same in every row is made once a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold import admin as themed
from unfold.templatetags import unfold_list


@admin.display(description=themed.ModelAdmin.action_checkbox.short_description)
def action_checkbox(self: Any, obj: Any) -> SafeString:
    """Return the box that chooses a row, as the theme draws it; its widget renders a template for each."""
    return format_html(_box(), obj.pk)


def use() -> None:
    """Have the headings of a list made once: unfold makes all of them anew for each row, as each cell repeats one as its label."""
    unfold_list.result_headers = _once(unfold_list.result_headers)


@cache
def _box() -> str:
    return themed.checkbox.render(ACTION_CHECKBOX_NAME, "{}")


def _once(headers: Callable[[Any], Iterable[dict[str, Any]]]) -> Callable[[Any], Iterable[dict[str, Any]]]:
    @wraps(headers)
    def kept(changelist: Any) -> Iterable[dict[str, Any]]:
        if not hasattr(changelist, "desk_headers"):
            changelist.desk_headers = list(headers(changelist))
        return changelist.desk_headers

    return kept
