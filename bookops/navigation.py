"""The desk's side bar: what people open each day first, then each app's tables, and what one rarely needs closed at the end."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

#: "app_label.ObjectName", in this order; of each, a person sees what they may open.
DAILY = ("enrichment.LibraryImport", "bookops.Book", "runbooks.Execution", "runbooks.EvalRunbook", "llmjobs.LLMJob", "llmjobs.Proposal")
APPS = ("enrichment", "runbooks", "llmjobs", "bookops")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the side bar as unfold takes it; no query beyond those for permissions."""
    apps = {app["app_label"]: app for app in admin.site.get_app_list(request)}
    tables = {f"{label}.{table['object_name']}": table for label, app in apps.items() for table in app["models"] if table["admin_url"]}
    daily = _group("", [tables.pop(name) for name in DAILY if name in tables])
    labels = [label for label in APPS if label in apps] + [label for label in apps if label not in APPS]
    others = [
        _group(apps[label]["name"], [table for name, table in tables.items() if name.startswith(f"{label}.")], collapsible=True)
        for label in labels
    ]
    return [group for group in [daily, *others] if group["items"]]


def _group(title: Any, tables: list[dict[str, Any]], *, collapsible: bool = False) -> dict[str, Any]:
    items = [{"title": table["name"], "link": table["admin_url"]} for table in tables]
    return {"title": title, "collapsible": collapsible, "items": items}
