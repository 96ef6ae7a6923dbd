"""AbeBooks: the pricing that its own pages ask for, and its search page. Neither is an open API, and both may ask for a human."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import parse_qs

from sandbox.abebooks_offers import CONDITIONS, SYMBOLS, Offer, matching, with_isbn, written
from sandbox.abebooks_pages import CHALLENGE, GENERATIONS, NO_RESULTS, page_unknown
from sandbox.isbn import as_isbn13
from sandbox.party import HTML, Answer, Options, Party, Request, encoded

PRICING = "/servlet/DWRestService/pricingservice"
SEARCH = "/servlet/SearchResults"
#: What sortby means by its number: 17 is the lowest total price first, 1 the highest.
LOWEST_FIRST, HIGHEST_FIRST = "17", "1"


@dataclass(frozen=True, slots=True)
class AbeBooksOptions(Options):
    """What can be set of AbeBooks."""

    #: The generation of the search page: "2026-03", "2026-08" or "2026-09"; any other word gives one that no reader knows.
    markup: str = "2026-09"
    #: Answer every call with the firewall's challenge.
    challenge: bool = False
    #: Answer every question for prices with success: false.
    pricing_fails: bool = False
    #: The money of the caller's country: USD, GBP or EUR.
    currency: str = "USD"


class AbeBooks(Party):
    """Answer as www.abebooks.com does."""

    name: ClassVar[str] = "abebooks"
    default_options: ClassVar[Options] = AbeBooksOptions()
    options: AbeBooksOptions

    def answer(self, request: Request) -> Answer:
        """Return what AbeBooks says to a request."""
        if self.options.challenge:
            return Answer(202, CHALLENGE.encode(), HTML, ((b"x-amzn-waf-action", b"challenge"),), endpoint=request.path, refused=True)
        if request.path == PRICING:
            return self._pricing(request)
        if request.path == SEARCH and request.method == "GET":
            return self._search(request)
        return Answer(404, b"<html><body>Page not found</body></html>", HTML, endpoint="not served")

    # Pricing

    def _pricing(self, request: Request) -> Answer:
        if request.method != "POST":
            return Answer(405, b"", HTML, endpoint=PRICING)
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        read = ACTIONS.get(form.get("action", ""))
        if not request.header(b"content-type").startswith("application/x-www-form-urlencoded") or read is None:
            return _failed("unknown action")
        if self.options.pricing_fails:
            return _failed("no pricing available")
        found = read(form)
        if found is None:
            return _failed("a parameter is missing")
        found = [offer.converted(self.options.currency) for offer in found]
        keys = (form.get("isbn") or f"{form.get('an', '')} / {form.get('tn', '')}",)
        return Answer(200, encoded(self._prices(form, found)), endpoint=PRICING, keys=keys)

    def _prices(self, form: dict[str, str], found: list[Offer]) -> dict[str, Any]:
        content: dict[str, Any] = {
            "success": True,
            "isbn": form.get("isbn"),
            "pricingInfoForBestNew": self._best([offer for offer in found if offer.is_new]),
            "pricingInfoForBestUsed": self._best([offer for offer in found if not offer.is_new]),
        }
        return content | {"bibliographicDetail": {"title": found[0].work.title}} if found else content

    def _best(self, found: list[Offer]) -> dict[str, Any] | None:
        if not found:
            return None
        best = min(found, key=_total)
        currency, shipping = self.options.currency, best.shipping or Decimal(0)
        return {
            "bestPriceInPurchaseCurrencyValueOnly": f"{best.price:,.2f}",
            "bestPriceInPurchaseCurrencyWithCurrencySymbol": written(best.price, currency),
            "bestShippingToDestinationPriceInPurchaseCurrencyValueOnly": f"{shipping:,.2f}",
            "bestShippingToDestinationPriceInPurchaseCurrencyWithCurrencySymbol": written(shipping, currency),
            "nonPaddedPriceInListingCurrencyValueOnly": f"{best.price:,.2f}",
            "purchaseCurrencySymbol": SYMBOLS[currency],
            "bookCondition": "New" if best.is_new else f"Used - {CONDITIONS[best.condition]}",
            "totalResults": len(found),
            "vendorCountryNameInSurferLanguage": "United States",
            "shippingDestinationNameInSurferLanguage": "United States",
        }

    # The search page

    def _search(self, request: Request) -> Answer:
        isbn, author, title, keywords = (request.parameter(name).strip() for name in ("isbn", "an", "tn", "kn"))
        if not (isbn or author or title or keywords):
            return Answer(302, b"", HTML, ((b"location", b"/servlet/SearchEntry"),), endpoint=SEARCH)
        found = with_isbn(as_isbn13(isbn)) if isbn else matching(author=author, title=title, keywords=keywords)
        found = [offer.converted(self.options.currency) for offer in found]
        order = request.parameter("sortby")
        if order in (LOWEST_FIRST, HIGHEST_FIRST):
            found = sorted(found, key=_total, reverse=order == HIGHEST_FIRST)
        page = GENERATIONS.get(self.options.markup, page_unknown)(found, self.options.currency) if found else NO_RESULTS
        return Answer(200, page.encode(), b"text/html;charset=UTF-8", endpoint=SEARCH, keys=(isbn or f"{author} / {title} / {keywords}",))


def _by_isbn(form: dict[str, str]) -> list[Offer] | None:
    isbn = form.get("isbn", "")
    return with_isbn(as_isbn13(isbn)) if isbn and form.get("container") == f"pricingService-{isbn}" else None


def _by_author_and_title(form: dict[str, str]) -> list[Offer] | None:
    if not form.get("an") or not form.get("tn") or not form.get("container"):
        return None
    return matching(author=form["an"], title=form["tn"])


#: By the action of the form: the offers that it is about, None when the form is not whole.
ACTIONS: Mapping[str, Callable[[dict[str, str]], list[Offer] | None]] = {
    "getPricingDataByISBN": _by_isbn,
    "getPricingDataForAuthorTitleStandardAddToBasket": _by_author_and_title,
    "getPricingDataForAuthorTitleBindingRefinements": _by_author_and_title,
}


def _total(offer: Offer) -> Decimal:
    return offer.price + (offer.shipping or Decimal(0))


def _failed(reason: str) -> Answer:
    return Answer(200, encoded({"success": False, "errorTexts": [reason]}), endpoint=PRICING)
