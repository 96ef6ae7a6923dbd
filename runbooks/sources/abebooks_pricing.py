"""AbeBooks' pricing service: the cheapest new and the cheapest used copy of an ISBN, which are a floor and no distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bookops.outbound.answers import Answer
from bookops.outbound.errors import BadAnswer, TryAgain
from runbooks.sources import loose_json as loose
from runbooks.sources.abebooks_errors import NAME, UnknownMarkup, wrong_currency
from runbooks.sources.price_text import currency_of, money
from runbooks.sources.records import Money, Offer, Offers

_PRICE = "bestPriceInPurchaseCurrency"
_SHIPPING = "bestShippingToDestinationPriceInPurchaseCurrency"
#: By the key that says it; both are there, null where nobody has one.
_BEST = {"pricingInfoForBestNew": "new", "pricingInfoForBestUsed": "used"}


def read_pricing(answer: Answer, *, isbn: str, url: str, currency: str) -> Offers:
    """Return up to two offers, none where both are null; raises UnknownMarkup for another shape, Refused for another currency."""
    try:
        said = loose.mapping(answer.data)
    except BadAnswer as error:
        raise UnknownMarkup(error.detail, answer.body) from error
    if said.get("success") is False:
        words = " ".join(loose.text(words, 200) for words in loose.items(said.get("errorTexts"))[:3])
        raise TryAgain(words or "no pricing", reason="pricing_failed", source=NAME)
    if not _BEST.keys() <= said.keys():
        raise UnknownMarkup("expected the best new and the best used copy", answer.body)
    title = loose.text(loose.mapping(said.get("bibliographicDetail")).get("title"), 300)
    offers, total = [], 0
    for key, kind in _BEST.items():
        if said[key] is None:
            continue
        info = loose.mapping(said[key])
        price, shipping = _money(info, _PRICE), _money(info, _SHIPPING)
        if price is None or price.amount == 0:
            raise UnknownMarkup(f"no price can be read of the best {kind} copy", answer.body)
        if price.currency != currency:
            raise wrong_currency(price.currency, currency)
        total += max(loose.number(info.get("totalResults")) or 0, 1)
        condition = loose.text(info.get("bookCondition"), 100) or kind.capitalize()
        item_id = f"{isbn}:{kind}"
        offers.append(Offer(NAME, "asking", title, price, shipping, url, condition=condition, item_id=item_id, isbn=isbn))
    return Offers(tuple(offers), total, query=isbn)


def _money(info: Mapping[str, Any], name: str) -> Money | None:
    """Return an amount with its symbol's currency.

    The form with the symbol is written for the caller's country, with a comma for cents in some; the other is always in English.
    """
    shown = loose.text(info.get(f"{name}WithCurrencySymbol"), 60)
    symbol, _, number = shown.rpartition(" ")
    symbol = loose.text(info.get("purchaseCurrencySymbol"), 10) or symbol
    if f"{name}ValueOnly" in info:
        number = loose.text(info[f"{name}ValueOnly"], 60)
    return money(number, currency_of(symbol))
