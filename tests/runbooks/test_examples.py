"""The listings of the sandbox that the desk offers to try."""

from __future__ import annotations

import pytest
from django.urls import reverse

from runbooks.admin.examples import EXAMPLES
from sandbox.listings import by_case
from tests.desk import client_of
from tests.factories import make_owner

FORM = "admin:runbooks_execution_add"


def test_they_are_cases_of_the_script():
    cases = ("strong-buy", "overpriced", "incomplete-set", "lot", "auction", "hijack-description", "no-photos", "no-comparables")
    assert [link for link, _ in EXAMPLES] == [by_case(case).link for case in cases]


@pytest.mark.django_db
@pytest.mark.parametrize(("sources", "offered"), [("sandbox", True), ("live", False)])
def test_they_are_offered_where_the_sandbox_is_asked(settings, sources, offered):
    settings.SOURCES = sources
    boss = client_of(make_owner("boss", is_staff=True, is_superuser=True))
    assert (EXAMPLES[0][1][1:] in boss.get(reverse(FORM)).content.decode()) is offered


@pytest.mark.django_db
def test_the_address_to_go_by_is_of_a_listing_that_there_is(settings):
    settings.SOURCES = "sandbox"
    boss = client_of(make_owner("boss", is_staff=True, is_superuser=True))
    help_text = str(boss.get(reverse(FORM)).context["form"].fields["url"].help_text)
    assert EXAMPLES[0][0] in help_text
    assert "256712345678" not in help_text


@pytest.mark.django_db
def test_a_chosen_one_stands_in_the_form():
    boss = client_of(make_owner("boss", is_staff=True, is_superuser=True))
    link = EXAMPLES[0][0]
    assert f'value="{link}"' in boss.get(reverse(FORM), {"url": link}).content.decode()
    assert "not-markup" in (shown := boss.get(reverse(FORM), {"url": '"><i id=not-markup>'}).content.decode())
    assert "<i id=not-markup>" not in shown
