"""What the page of a runbook shows, looked up once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.http import QueryDict

from bookops.clock import database_now
from runbooks.admin import forms
from runbooks.admin.charts import comparable_chart, history_chart, score_bars
from runbooks.admin.listings import photos_of
from runbooks.admin.money import delta_of, usd
from runbooks.admin.refused import Refused
from runbooks.admin.timeline import TITLES
from runbooks.bindings import suggested_percent
from runbooks.evaluating import priced
from runbooks.models import Comparable, Copy, EvalRunbook, ListingImage
from runbooks.pricing import what_if
from runbooks.scoring.scores import Score

VERSIONS_SHOWN = 60
#: The colours of a score bar begin at these points.
AMBER_FROM, GREEN_FROM = 60, 80
#: The most of the first score, which is no per cent.
LEGACY_MOST = 120
FATE = ListingImage.Fate


def shown_of(runbook: EvalRunbook, query: QueryDict, refused: Refused | None = None) -> dict[str, Any]:
    """Return what the page shows that does not depend on who looks, with what was typed and refused; about ten queries."""
    photos = photos_of(runbook.copy.listing)
    kept = [one for one in photos if one["image"].fate == FATE.KEPT]
    by_id = {one["id"]: one for one in photos}
    comparables = list(runbook.comparables.select_related("changed_by").order_by("-is_current", "excluded", "basis", "pk"))
    versions = _versions(runbook)
    binding = runbook.evidence.get("subject", {}).get("binding", "")
    return {
        "runbook": runbook,
        "copy": runbook.copy,
        "book": runbook.copy.book,
        "listing": runbook.copy.listing,
        "figures": _figures(runbook),
        "score_colour": colour_of(runbook.combined_score),
        "first_differs": (runbook.recommendation == "ACQUIRE") != (runbook.recommendation_tier in ("STRONG_BUY", "BUY")),
        "legacy_most": LEGACY_MOST,
        "photos": kept,
        "photo_row": _in_a_row(kept),
        "put_aside": [one for one in photos if one["image"].fate in (FATE.QUARANTINED, FATE.SKIPPED) and one["large"]],
        "refused_photos": [one for one in photos if not one["large"]],
        "missing": [TITLES.get(name, name) for name in runbook.missing],
        "branches": [(TITLES.get(name, name), told) for name, told in runbook.provenance.get("steps", {}).items()],
        "identification": [(name, _with_photos(claim, by_id)) for name, claim in runbook.item_identification.items()],
        "positives": [_with_photos(one, by_id) for one in runbook.condition_positives],
        "negatives": [_with_photos(one, by_id) for one in runbook.condition_negatives],
        "issues": [_with_photos(one, by_id) for one in runbook.critical_issues],
        "contradictions": [_with_photos(one, by_id) for one in runbook.contradictions],
        "issue_count": len(runbook.critical_issues) + len(runbook.contradictions),
        "scores": _scores(runbook),
        "chart": comparable_chart(runbook, comparables),
        "values": _values(runbook),
        "comparables": [_comparable(one, binding, refused) for one in comparables],
        "refused": refused,
        "today": database_now().date(),
        "comparable_count": sum(one.is_current for one in comparables),
        "price_changes": [
            (change, usd(change.previous_price), usd(change.new_price)) for change in runbook.price_changes.select_related("changed_by")
        ],
        "versions": [{**one, "price": usd(one["price"]), "value": usd(one["value"])} for one in versions],
        "history": history_chart(versions[::-1]),
        "executions": runbook.executions.order_by("-created_at")[:10],
        "forms": _forms(runbook, refused),
        "levels": Comparable.Relevance.values,
        "can_be_acquired": runbook.copy.status == Copy.Status.EVALUATING,
        **_what_if(runbook, query),
    }


def colour_of(score: int) -> str:
    """Return the colour of the combined score, as a word."""
    return "green" if score >= GREEN_FROM else "amber" if score >= AMBER_FROM else "red"


def advised(amount: Decimal | None, note: str) -> tuple[str, str]:
    """Return the price that gives 80 points of the first score, and what it is: that it sets no limit is no advice to buy."""
    match note:
        case "any":
            return "–", "no limit from the first score: it has its 80 points at whatever price"
        case "unattainable":
            return "unattainable", "no price brings the first score to 80 points"
    return usd(amount), "the most for 80 points of the first score"


def _figures(runbook: EvalRunbook) -> list[tuple[str, str, str]]:
    """Return the four figures that a dealer looks at first: name, amount, remark."""
    asked = runbook.asked
    foreign = f"{asked['amount']} {asked['currency']}" if asked.get("currency") not in (None, "USD") else ""
    asking = asked.get("why_none", "") if runbook.current_asking_price is None else "negotiated" if runbook.negotiated else foreign
    value = (
        f"{usd(runbook.fmv_low)} to {usd(runbook.fmv_high)}, {runbook.fmv_basis} prices"
        if runbook.fmv_mid is not None
        else "insufficient data"
    )
    recommend, remark = advised(runbook.recommended_price, runbook.recommended_price_note)
    delta, per_cent = delta_of(runbook.current_asking_price, runbook.fmv_mid)
    offer = f"offer {usd(runbook.suggested_offer)}; " if runbook.suggested_offer is not None else ""
    return [
        ("Asking", usd(runbook.current_asking_price), asking),
        ("Est. FMV", usd(runbook.fmv_mid), value),
        ("Recommend", recommend, offer + remark),
        ("Delta", delta, f"{per_cent}, asking price to value" if per_cent else "asking price to value"),
    ]


def _in_a_row(photos: Sequence[dict[str, Any]]) -> list[tuple[str, dict[str, Any], str]]:
    """Return each photo between the ids of those before and after it, "" at the ends."""
    ids = ["", *(one["id"] for one in photos), ""]
    return list(zip(ids, photos, ids[2:], strict=False))


def _with_photos(claim: Mapping[str, Any], by_id: Mapping[str, Any]) -> dict[str, Any]:
    """Return a claim with the photos that it rests on."""
    return {**claim, "photos": [by_id[one] for one in claim.get("images", []) if one in by_id]}


def _scores(runbook: EvalRunbook) -> list[tuple[str, int, int, Any]]:
    tiered = runbook.tiered_breakdown
    return [
        ("Quality", runbook.quality_score, 100, score_bars(tiered.get("quality", {}))),
        ("Strategic fit", runbook.strategic_fit_score, 100, score_bars(tiered.get("strategic_fit", {}))),
        ("First score", runbook.total_score, LEGACY_MOST, score_bars(runbook.score_breakdown)),
    ]


def _values(runbook: EvalRunbook) -> list[dict[str, Any]]:
    """Return what each basis with prices comes to, its amounts as the page writes them."""
    values = [value for value in runbook.fmv_by_basis.get("values", {}).values() if value.get("n")]
    return [{**value, "amounts": [usd(value[name]) for name in ("low", "mid", "median", "high")]} for value in values]


def _comparable(row: Comparable, binding: str, refused: Refused | None) -> dict[str, Any]:
    counted = priced(row)
    is_refused = refused is not None and refused.value == str(row.public_id)
    return {
        "row": row,
        "counted": usd(counted.counted),
        "is_adjusted": counted.counted != counted.usd,
        "adjustments": {name: value for name, value in row.adjustments.items() if name != "why"},
        "adjusted_why": row.adjustments.get("why", ""),
        "is_refused": is_refused,
        "typed": {**row.adjustments, "why": "", "relevance": row.relevance} | (refused.typed if refused and is_refused else {}),
        "by_hand": row.origin == Comparable.Origin.MANUAL,
        "suggested": suggested_percent(binding, f"{row.title} {row.binding}"),
    }


def _versions(runbook: EvalRunbook) -> list[dict[str, Any]]:
    """Return the newest versions with the figures of a history, without their documents."""
    names = {
        "price": "current_asking_price",
        "value": "fmv_mid",
        "score": "combined_score",
        "legacy": "total_score",
        "tier": "recommendation_tier",
    }
    columns = ["pk", "number", "cause", "at", "by__username", *(f"document__{name}" for name in names.values())]
    return [
        {**{name: row[f"document__{column}"] for name, column in names.items()}, **{name: row[name] for name in columns[:5]}}
        for row in runbook.versions.order_by("-number").values(*columns)[:VERSIONS_SHOWN]
    ]


def _forms(runbook: EvalRunbook, refused: Refused | None) -> dict[str, Any]:
    """Return the forms of the page by the button that each posts to, with what was typed into the one that refused it."""
    begun: dict[str, tuple[type[forms.TypedForm], dict[str, Any]]] = {
        "price": (forms.PriceForm, {"price": runbook.current_asking_price, "discount_code": runbook.discount_code}),
        "add_comparable": (forms.ComparableForm, {}),
        "add_file": (forms.CsvForm, {}),
        "add_lines": (forms.LinesForm, {}),
        "decision": (forms.DecisionForm, {"decision": runbook.decision, "reason": runbook.decision_reason}),
        "acquire": (forms.PurchaseForm, {"price": runbook.current_asking_price}),
    }
    typed = {refused.button: refused.typed} if refused else {}
    return {name: kind(initial=initial | typed.get(name, {}), auto_id=f"{name}_%s") for name, (kind, initial) in begun.items()}


def _what_if(runbook: EvalRunbook, query: QueryDict) -> dict[str, Any]:
    """Return the scores before and after another price, where one is asked about; nothing is written."""
    asked = query.get("what_if")
    if asked is None:
        return {}
    try:
        price = Decimal(asked)
        found = what_if(runbook, price)
    except (InvalidOperation, ValidationError) as error:
        refusal = " ".join(error.messages) if isinstance(error, ValidationError) else "Give a price, such as 250."
        return {"what_if_refused": refusal, "what_if_price": asked}
    return {
        "what_if_price": asked,
        "what_if_words": usd(price),
        "what_if_flips": found.flips,
        "what_if": [(name, before, after, before != after) for name, before, after in _beside(found.before, found.after)],
        "price_to_save": forms.PriceForm(initial={"price": price, "discount_code": runbook.discount_code}, auto_id="save_%s"),
    }


def _beside(before: Score, after: Score) -> Sequence[tuple[str, str, str]]:
    def told(score: Score) -> list[tuple[str, str]]:
        price, asking = score.recommended_price, score.price.asking.amount if score.price.asking else None
        return [
            ("Asking price", usd(asking)),
            ("Delta", " ".join(delta_of(asking, score.price.mid)).strip()),
            ("Price position", score.position.value if score.position else "not known"),
            ("Tier", score.tier.value.replace("_", " ")),
            ("Combined score", f"{score.combined}"),
            ("First score", f"{score.legacy.total} of {score.legacy.most}"),
            ("By the first score", score.recommendation.value),
            ("Suggested offer", usd(score.suggested_offer)),
            ("Price for 80 points of the first score", advised(price.amount, price.note)[0]),
            ("Why", score.reasoning),
        ]

    return [(name, one, other) for (name, one), (_, other) in zip(told(before), told(after), strict=True)]
