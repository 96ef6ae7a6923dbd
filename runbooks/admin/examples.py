"""Listings of the sandbox's script to begin with, where the sandbox stands in for eBay."""

from __future__ import annotations

from bookops.doors import asks_sandbox

#: Link and what it shows.
EXAMPLES = (
    ("https://www.ebay.com/itm/256800100001", "a complete set in a signed binding at half of its value: a strong buy"),
    ("https://www.ebay.com/itm/256800100003", "a fine set at more than twice its value"),
    ("https://www.ebay.com/itm/256800100005", "called complete, but the photos show two volumes of three"),
    ("https://www.ebay.com/itm/256800100008", "a lot of twelve books for one price"),
    ("https://www.ebay.com/itm/256800100011", "an auction with bids and no asking price"),
    ("https://www.ebay.com/itm/256800100022", "a description that gives orders to the model"),
    ("https://www.ebay.com/itm/256800100025", "no photos at all"),
    ("https://www.ebay.com/itm/256800100043", "nothing to compare it with"),
)


def examples() -> tuple[tuple[str, str], ...]:
    """Return listings to try; none where eBay itself is asked, which does not know them."""
    return EXAMPLES if asks_sandbox() else ()
