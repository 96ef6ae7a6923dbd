"""AbeBooks: what copies of a book are offered for, by ISBN (its pricing service) and by title (its search page).

It has no public interface for either, and its terms forbid automated reading: whoever turns this on has to have agreed with it.
"""

from __future__ import annotations

from urllib.parse import urlencode

from bookops.outbound.answers import Answer
from bookops.outbound.http import Door
from runbooks.sources.abebooks_errors import NAME, challenge
from runbooks.sources.abebooks_pricing import read_pricing
from runbooks.sources.abebooks_search_page import SITE, read_search_page
from runbooks.sources.records import Offers

_PRICING = "/servlet/DWRestService/pricingservice"
_SEARCH = "/servlet/SearchResults"
#: Lowest price with shipping first, as the site's own links ask for it.
_CHEAPEST_FIRST = {"sortby": "17", "n": "100110615"}


class AbeBooks:
    """Ask AbeBooks through a door to its site. Prices in another currency than `currency` are refused, never converted.

    Every method is one call and may raise one of the four errors, among them UnknownMarkup with the page that could not be read, and
    Refused with "challenged" or "wrong_currency". `flow` is whoever shares the pace fairly.
    """

    name = NAME

    def __init__(self, door: Door, *, currency: str = "USD") -> None:
        self.door = door
        self.currency = currency

    def by_isbn(self, isbn: str, *, flow: str = "") -> Offers:
        """Return the cheapest new and the cheapest used copy: a floor."""
        form = {"action": "getPricingDataByISBN", "isbn": isbn, "container": f"pricingService-{isbn}"}
        answer = self.door.post(
            _PRICING,
            urlencode(form).encode("ascii"),
            content_type="application/x-www-form-urlencoded",
            accept="*/*",  # a challenge comes as HTML, with a status of success
            flow=flow,
            explain=challenge,
        )
        self._refuse_challenge(answer)
        return read_pricing(answer, isbn=isbn, url=f"{SITE}{_SEARCH}?{urlencode({'isbn': isbn})}", currency=self.currency)

    def by_title(self, title: str, author: str = "", *, flow: str = "") -> Offers:
        """Return the offers of the first page for a title and an author, the cheapest first."""
        asked = {"tn": " ".join(title.split()), "an": " ".join(author.split())}
        params = {name: words for name, words in asked.items() if words} | _CHEAPEST_FIRST
        answer = self.door.get(_SEARCH, params, accept="text/html", flow=flow, explain=challenge)
        self._refuse_challenge(answer)
        return read_search_page(answer.body, query=" ".join(filter(None, asked.values())), currency=self.currency)

    def _refuse_challenge(self, answer: Answer) -> None:
        refusal = challenge(answer)
        if refusal:
            raise refusal
