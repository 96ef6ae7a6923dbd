"""What tests of every desk page share: who is logged in, pages and lists by model, presses, and what was told."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from bookops.staff_groups import make_groups
from tests.factories import make_owner


def client_of(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def make_staff(group: str) -> User:
    """Return a member of staff of one of the groups that the product comes with."""
    make_groups()
    user = make_owner(is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


def page(obj: Any) -> str:
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


def listing_of(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def press(client: Client, obj: Any, name: str, value: str = "", **fields: Any) -> Any:
    address = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_press", args=[obj.pk, name])
    return client.post(address, {"value": value, **fields})


def told(response: Any) -> str:
    return str(list(get_messages(response.wsgi_request))[-1])
