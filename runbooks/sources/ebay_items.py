"""One listing as eBay's Browse API tells it.

Documentation: https://developer.ebay.com/api-docs/buy/browse/resources/item/methods/getItem
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from bookops.outbound.errors import BadAnswer, NotFound
from runbooks.links import ItemLink
from runbooks.sources import ebay_values as values
from runbooks.sources import loose_json as loose
from runbooks.sources.ebay_images import EBAY_PICTURES, largest_of_all
from runbooks.sources.plain_text import plain_text
from runbooks.sources.records import ListingFacts

#: Item specifics that are read.
MOST_ASPECTS = 100

_ISBN_ASPECTS = ("ISBN", "ISBN-13", "ISBN13", "ISBN-10", "EAN")


def parse_item(payload: Any, *, picture_origins: Collection[str] = (EBAY_PICTURES,), group_id: str = "") -> ListingFacts:
    """Return the facts of one item; raises BadAnswer for what is none, every fact but number and title may be missing."""
    said = loose.mapping(payload)
    item_id = loose.text(said.get("itemId"), 100)
    legacy_id, title = values.legacy_id_of(item_id) or loose.text(said.get("legacyItemId"), 20), loose.text(said.get("title"), 300)
    if not item_id or not legacy_id or not title:
        raise BadAnswer("expected an item with its number and title", reason="unexpected_shape", source="ebay")
    options = values.buying_options_of(said)
    seller = loose.mapping(said.get("seller"))
    aspects = _aspects(said)
    category_id, category_path = _category(said)
    quantity, sold = _availability(said)
    return ListingFacts(
        item_id=item_id,
        legacy_id=legacy_id,
        url=ItemLink(legacy_id, values.variation_of(item_id)).url,
        title=title,
        subtitle=loose.text(said.get("subtitle"), 300),
        description=_description(said),
        price=None if values.is_auction_only(options) else values.money_of(said.get("price")),
        current_bid=values.money_of(said.get("currentBidPrice")),
        bids=loose.number(said.get("bidCount")),
        buying_options=options,
        condition=loose.text(said.get("condition"), 100),
        condition_id=loose.text(said.get("conditionId"), 20),
        condition_description=loose.text(said.get("conditionDescription"), 2_000),
        category_id=category_id,
        category_path=category_path,
        aspects=aspects,
        gtin=_gtin(said, aspects),
        epid=loose.text(said.get("epid"), 40),
        seller=loose.text(seller.get("username"), 100),
        seller_feedback_percent=_percent(seller.get("feedbackPercentage")),
        seller_feedback_score=loose.number(seller.get("feedbackScore")),
        quantity=quantity,
        sold_quantity=sold,
        shipping=values.shipping_of(said.get("shippingOptions")),
        image_urls=largest_of_all(_images(said), picture_origins),
        created_at=loose.moment(said.get("itemCreationDate")),
        ends_at=loose.moment(said.get("itemEndDate")),
        country=loose.text(loose.mapping(said.get("itemLocation")).get("country"), 2),
        marketplace=loose.text(said.get("listingMarketplaceId"), 20),
        group_id=group_id or loose.text(loose.mapping(said.get("primaryItemGroup")).get("itemGroupId"), 20),
    )


def parse_group(payload: Any, variation: str, *, group_id: str, picture_origins: Collection[str] = (EBAY_PICTURES,)) -> ListingFacts:
    """Return one variation of a listing, the first where none is named.

    Raises NotFound when the group has not that variation, or none at all. The description is told once for many variations.
    """
    said = loose.mapping(payload)
    if not isinstance(said.get("items"), list):
        raise BadAnswer("expected a group of items", reason="unexpected_shape", source="ebay")
    for item in loose.mappings(said["items"]):
        item_id = loose.text(item.get("itemId"), 100)
        if variation and values.variation_of(item_id) != variation:
            continue
        common = [entry for entry in loose.mappings(said.get("commonDescriptions")) if item_id in loose.items(entry.get("itemIds"))]
        described = {"description": common[0].get("description")} if common else {}
        return parse_item(described | item, picture_origins=picture_origins, group_id=group_id)
    raise NotFound("the listing has not this variation", reason="gone", source="ebay")


def _description(said: Mapping[str, Any]) -> str:
    markup = said.get("description")
    long = plain_text(markup) if isinstance(markup, str) else ""
    return long or loose.text(said.get("shortDescription"), 2_000)


def _aspects(said: Mapping[str, Any]) -> dict[str, str]:
    """Return the item specifics by name; several values of one name are joined."""
    found: dict[str, list[str]] = {}
    for aspect in loose.mappings(said.get("localizedAspects"))[:MOST_ASPECTS]:
        name, value = loose.text(aspect.get("name"), 100), loose.text(aspect.get("value"), 1_000)
        if name and value and value not in found.setdefault(name, []):
            found[name].append(value)
    return {name: ", ".join(several) for name, several in found.items() if several}


def _category(said: Mapping[str, Any]) -> tuple[str, str]:
    """Return the number of the category, and its path in words."""
    number = loose.text(said.get("categoryId"), 20) or loose.text(said.get("categoryIdPath"), 200).rpartition("|")[2]
    return number, loose.text(said.get("categoryPath"), 500)


def _gtin(said: Mapping[str, Any], aspects: Mapping[str, str]) -> str:
    return values.gtin_of(said.get("gtin")) or next(filter(None, (values.isbn13_of(aspects.get(name)) for name in _ISBN_ASPECTS)), "")


def _availability(said: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return how many there are and how many were sold; "more than ten" is no number."""
    told = next(iter(loose.mappings(said.get("estimatedAvailabilities"))), {})
    there = 0 if told.get("estimatedAvailabilityStatus") == "OUT_OF_STOCK" else loose.number(told.get("estimatedAvailableQuantity"))
    return there, loose.number(told.get("estimatedSoldQuantity"))


def _percent(value: Any) -> float | None:
    try:
        read = float(loose.text(value, 10))
    except ValueError:
        return None
    return read if 0 <= read <= 100 else None


def _images(said: Mapping[str, Any]) -> list[Any]:
    """Return the addresses of the pictures: the item's own, then those of all variations."""
    group = loose.mapping(said.get("primaryItemGroup"))
    images = [said.get("image"), *loose.items(said.get("additionalImages"))]
    images += [group.get("itemGroupImage"), *loose.items(group.get("itemGroupAdditionalImages"))]
    return [loose.mapping(image).get("imageUrl") for image in images]
