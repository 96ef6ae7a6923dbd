"""The groups of staff that the product comes with, and what each may: viewers look, editors work, administrators do all."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.db import models, transaction

VIEWER, EDITOR, ADMIN = "viewer", "editor", "admin"
#: Apps whose tables staff work on; accounts and groups stay with superusers, for whoever changes those may become one.
APPS = ("bookops", "enrichment", "runbooks", "llmjobs")

_OF_FORMS = ("add", "change", "delete", "view")
_edited: set[str] = {"bookops.book"}


def let_editors_edit(*tables: type[models.Model]) -> None:
    """Let editors write rows of these tables in forms; to be called by the app that shows them. Again is harmless."""
    _edited.update(table._meta.label_lower for table in tables)


@transaction.atomic
def make_groups() -> dict[str, int]:
    """Make the groups that are missing and give each what it lacks; what staff have added to one stays. Return how many each got."""
    everything = list(Permission.objects.filter(content_type__app_label__in=APPS).select_related("content_type"))
    allowed = {
        VIEWER: [one for one in everything if one.codename.startswith("view_")],
        EDITOR: [one for one in everything if _is_editors(one)],
        ADMIN: everything,
    }
    return {name: _give(name, permissions) for name, permissions in allowed.items()}


def _is_editors(permission: Permission) -> bool:
    """Say whether editors have it: they see all, press all buttons that delete nothing, and write what is theirs to write."""
    action, _, table = permission.codename.partition("_")
    if action not in _OF_FORMS or table != permission.content_type.model:
        return True  # a button's own
    return action == "view" or (action != "delete" and f"{permission.content_type.app_label}.{table}" in _edited)


def _give(name: str, permissions: list[Permission]) -> int:
    group, _ = Group.objects.get_or_create(name=name)
    there = set(group.permissions.values_list("pk", flat=True))
    missing = [one for one in permissions if one.pk not in there]
    group.permissions.add(*missing)
    return len(missing)
