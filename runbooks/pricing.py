"""Change what is asked for a copy, or look what a change would do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from runbooks.evaluating import price_of, rescore, valuation_of
from runbooks.models import EvalRunbook, PriceChange
from runbooks.scoring.evidence import Evidence
from runbooks.scoring.scores import Rescored, rescore_price
from runbooks.sources.price_text import HIGHEST
from runbooks.sources.records import Money

#: Characters of a discount code.
LONGEST_CODE = 100


def what_if(runbook: EvalRunbook, price: Decimal | None) -> Rescored:
    """Return the scores at the price that is asked and at another one, without writing anything; None for no asking price."""
    asking = Money(_checked(price), "USD") if price is not None else None
    now = price_of(runbook, valuation_of(runbook))
    return rescore_price(Evidence.from_json(runbook.evidence), now, asking, why_none_asked=runbook.asked.get("why_none", ""))


def change_price(
    runbook: EvalRunbook, new_price: Decimal | None, *, by: Any, discount_code: str | None = None, notes: str | None = None
) -> PriceChange:
    """Note a negotiated price and score again all that depends on it; the history keeps what was. None for code and notes leaves them.

    None for the price says that none is asked. Raises ValidationError for a price or a code that is none.
    """
    changed: dict[str, Any] = {"current_asking_price": _checked(new_price) if new_price is not None else None, "negotiated": True}
    if discount_code is not None:
        changed["discount_code"] = _checked_code(discount_code)
    if notes is not None:
        changed["price_notes"] = notes
    with transaction.atomic():
        before = EvalRunbook.objects.select_for_update().get(pk=runbook.pk)
        EvalRunbook.objects.filter(pk=runbook.pk).update(**changed)
        rescore(runbook, cause="price", by=by)
        return PriceChange.objects.create(
            runbook=runbook,
            previous_price=before.current_asking_price,
            new_price=runbook.current_asking_price,
            discount_code=runbook.discount_code,
            notes=notes or "",
            score_before=before.total_score,
            score_after=runbook.total_score,
            recommendation_before=before.recommendation,
            recommendation_after=runbook.recommendation,
            tier_before=before.recommendation_tier,
            tier_after=runbook.recommendation_tier,
            changed_by=by,
        )


def _checked(price: Decimal) -> Decimal:
    if not price.is_finite() or not 0 <= price <= HIGHEST:
        raise ValidationError(f"A price is a number of US dollars between 0 and {HIGHEST:,}.")
    cents = price.quantize(Decimal("0.01"))
    if cents != price:
        raise ValidationError("A price has at most two decimals.")
    return cents


def _checked_code(code: str) -> str:
    if len(code) > LONGEST_CODE:
        raise ValidationError(f"A discount code has at most {LONGEST_CODE} characters.")
    return code
