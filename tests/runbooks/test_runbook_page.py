"""What the page of a runbook shows, without the page."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.http import QueryDict

from runbooks.admin.runbook_page import shown_of
from runbooks.pricing import change_price
from runbooks.versions import document_of
from tests.runbooks.evaluated import make_comparable, make_runbook, make_valued

pytestmark = pytest.mark.django_db


def shown(**changes: Any) -> dict[str, Any]:
    runbook = make_runbook()
    for name, value in changes.items():
        setattr(runbook, name, value)
    return shown_of(runbook, QueryDict())


@pytest.mark.parametrize(("points", "colour"), [(0, "red"), (59, "red"), (60, "amber"), (79, "amber"), (80, "green"), (120, "green")])
def test_the_score_that_decides_has_the_colour_of_its_points(points: int, colour: str):
    assert shown(combined_score=points)["score_colour"] == colour


@pytest.mark.parametrize(
    ("asking", "figure", "remark"),
    [
        ("46.50", "−$103.50", "−69\N{NO-BREAK SPACE}%, asking price to value"),
        ("200", "+$50", "+33\N{NO-BREAK SPACE}%, asking price to value"),
        ("150", "$0", "0\N{NO-BREAK SPACE}%, asking price to value"),
        (None, "–", "asking price to value"),
    ],
)
def test_the_difference_of_price_and_value_is_one_short_figure_with_its_share_below(asking: str | None, figure: str, remark: str):
    runbook = make_valued(140, 160)
    runbook.current_asking_price = asking and Decimal(asking)
    assert shown_of(runbook, QueryDict())["figures"][3] == ("Delta", figure, remark)


def test_a_large_photo_leads_to_those_beside_it():
    runbook = make_runbook()
    listing = runbook.copy.listing
    listing.images.all().delete()
    ids = [str(listing.images.create(position=at, key=f"photos/{at}").public_id) for at in range(3)]
    row = shown_of(runbook, QueryDict())["photo_row"]
    assert [(before, photo["id"], after) for before, photo, after in row] == [
        ("", ids[0], ids[1]),
        (ids[0], ids[1], ids[2]),
        (ids[1], ids[2], ""),
    ]


@pytest.mark.parametrize(
    ("tier", "first", "differs"),
    [("PASS", "ACQUIRE", True), ("BUY", "ACQUIRE", False), ("STRONG_BUY", "PASS", True), ("PASS", "PASS", False)],
)
def test_it_says_where_the_first_score_says_otherwise_than_the_one_that_decides(tier: str, first: str, differs: bool):
    assert shown(recommendation_tier=tier, recommendation=first)["first_differs"] is differs


@pytest.mark.parametrize(
    ("subject", "amount", "note", "said"),
    [
        ({"binding": "cloth"}, Decimal("140.00"), "", "$140"),
        ({"binding": "half calf", "condition": "Very Good", "publisher": "Bentley"}, None, "any", "–"),
        ({"binding": "cloth", "condition": "Poor"}, None, "unattainable", "unattainable"),
    ],
    ids=["below the value", "any", "unattainable"],
)
def test_the_price_that_reaches_eighty_points_is_stored_and_shown(subject: dict[str, Any], amount: Decimal | None, note: str, said: str):
    runbook = make_valued(180, 220, subject=subject)
    assert (runbook.recommended_price, runbook.recommended_price_note) == (amount, note)
    document = document_of(runbook)
    assert (document["recommended_price"], document["recommended_price_note"]) == (amount and str(amount), note)
    assert {name: shown for name, shown, _ in shown_of(runbook, QueryDict())["figures"]}["Recommend"] == said
    if amount:
        change_price(runbook, amount, by=runbook.owner)
        assert (runbook.total_score, runbook.recommendation) == (80, "ACQUIRE")


@pytest.mark.parametrize(("binding", "suggested"), [("half calf", 55), ("full morocco", None), ("", None)])
def test_what_half_leather_is_worth_of_full_is_suggested_where_it_is_entered(binding: str, suggested: int | None):
    runbook = make_runbook(subject={"binding": binding})
    make_comparable(runbook, 400, title="The Moonstone, 3 volumes, full morocco")
    (one,) = shown_of(runbook, QueryDict())["comparables"]
    assert one["suggested"] == suggested
