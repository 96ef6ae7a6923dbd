"""What eBay's APIs say when they refuse, by error id (developer.ebay.com, "HTTP status codes" of each call)."""

from __future__ import annotations

from typing import Any

from sandbox.party import Answer, encoded

_BROWSE, _OAUTH, _ACCESS = "API_BROWSE", "OAuth", "ACCESS"

#: By error id: status, domain, category and message.
ERRORS: dict[int, tuple[int, str, str, str]] = {
    1001: (401, _OAUTH, "REQUEST", "Invalid access token"),
    1002: (401, _OAUTH, "REQUEST", "Missing access token"),
    1100: (403, _ACCESS, "REQUEST", "Access denied"),
    2001: (429, _ACCESS, "REQUEST", "Too many requests."),
    2002: (404, _ACCESS, "REQUEST", "Resource not found"),
    11001: (400, _BROWSE, "REQUEST", "The specified item Id was not found."),
    11002: (400, _BROWSE, "REQUEST", "The specified item group was not found."),
    11003: (400, _BROWSE, "REQUEST", "The specified legacy item Id was not found."),
    11004: (400, _BROWSE, "REQUEST", "The item is not available for purchase. Wait a few minutes and try the call again."),
    11005: (400, _BROWSE, "REQUEST", "The item group Id is invalid. Use {itemHref} to get the item details."),
    11006: (400, _BROWSE, "REQUEST", "The legacy Id is invalid. Use {itemGroupHref} to get the item group details."),
    11009: (400, _BROWSE, "REQUEST", "The legacy variation sku is invalid."),
    11010: (400, _BROWSE, "REQUEST", "You cannot submit legacy_variation_sku and legacy_variation_id in the same request."),
    11011: (
        400,
        _BROWSE,
        "REQUEST",
        "The marketplace value {marketplaceId} is not supported. The supported values are: {allowedMarketplaces}",
    ),
    11012: (400, _BROWSE, "REQUEST", "The specified item Ids are invalid, or the format of the specified values are invalid."),
    11018: (400, _BROWSE, "REQUEST", "The COMPACT fieldgroup cannot be combined with another fieldgroup."),
    11019: (400, _BROWSE, "REQUEST", "The quantity_for_shipping_estimate value {quantityForShippingEstimate} is invalid."),
    11501: (
        400,
        _BROWSE,
        "REQUEST",
        "The 'fieldgroups' value(s) are invalid: {fieldgroups}. The supported ones are: {supportedFieldgroups}",
    ),
    12001: (400, _BROWSE, "REQUEST", "The call must have a valid 'q', 'category_ids', 'epid' or 'gtin' query parameter."),
    12002: (200, _BROWSE, "REQUEST", "The {filterName} value is invalid. For the valid values, refer to the API call documentation."),
    12004: (400, _BROWSE, "REQUEST", "The 'offset' value cannot be negative."),
    12005: (400, _BROWSE, "REQUEST", "The 'offset' value must be an integer."),
    12006: (400, _BROWSE, "REQUEST", "The 'limit' value should be between 1 and 200 (inclusive)."),
    12007: (400, _BROWSE, "REQUEST", "The 'limit' value must be an integer value."),
    12008: (200, _BROWSE, "REQUEST", "The 'sort' value is invalid. For the valid values, refer to the API call documentation."),
    12009: (200, _BROWSE, "REQUEST", "The 'category_ids' query parameter is invalid."),
    12012: (200, _BROWSE, "REQUEST", "A valid 'price' filter and a valid 'priceCurrency' filter is necessary to filter based on price."),
    12013: (409, _BROWSE, "BUSINESS", "Top level category browsing is not allowed. Please provide keywords or more filters."),
    12016: (200, _BROWSE, "REQUEST", "The 'fieldgroups' value {fieldgroups} is invalid."),
    12017: (200, _BROWSE, "REQUEST", "The 'aspect_filter' query parameter must include a categoryId."),
    12019: (
        409,
        _BROWSE,
        "BUSINESS",
        "Currently, the {marketplaceId} marketplace is not supported. The supported Marketplaces are: {allowedMarketplaces} .",
    ),
    12022: (200, _BROWSE, "REQUEST", "The 'gtin' value {gtin} is invalid. For information, see the API call reference documentation."),
    12027: (400, _BROWSE, "REQUEST", "The 'auto_correct' value is invalid. For the valid values, refer to the API call documentation."),
    12029: (
        400,
        _BROWSE,
        "REQUEST",
        "The maximum number of listings that can be retrieved is 10,000, so your offset value must be less than 10,000.",
    ),
    12030: (
        400,
        _BROWSE,
        "REQUEST",
        "The number of categories in the request has exceeded the limit. Please reduce them to {allowedMaxCategories} or less.",
    ),
    12515: (400, _BROWSE, "REQUEST", "The 'offset' value must be either zero or a multiple of the 'limit' value."),
}

_LONGER = {
    1001: "Invalid access token. Check the value of the Authorization HTTP request header.",
    1002: "Access token is missing in the Authorization HTTP request header.",
    1100: "Insufficient permissions to fulfill the request.",
    2001: "The request limit has been reached for the resource.",
    2002: "The resource that you are trying to reach does not exist.",
}

#: The specification gives these with 400; the live service answers 404.
NOT_FOUND = (11001, 11002, 11003)


class Refusal(Exception):
    """What eBay refuses, by error id, with the parameters its message names."""

    def __init__(self, error_id: int, **parameters: str) -> None:
        super().__init__(error_id)
        self.error_id = error_id
        self.parameters = parameters


def problem(error_id: int, **parameters: str) -> dict[str, Any]:
    """Return one entry of `errors`, or of `warnings` in an answer that is given all the same."""
    _, domain, category, message = ERRORS[error_id]
    entry: dict[str, Any] = {"errorId": error_id, "domain": domain, "category": category, "message": message.format(**parameters)}
    if error_id in _LONGER:
        entry["longMessage"] = _LONGER[error_id]
    if parameters:
        entry["parameters"] = [{"name": name, "value": value} for name, value in parameters.items()]
    return entry


def refused(refusal: Refusal, *, endpoint: str, not_found_status: int, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    """Return the answer to a call that is refused."""
    status = not_found_status if refusal.error_id in NOT_FOUND else ERRORS[refusal.error_id][0]
    body = encoded({"errors": [problem(refusal.error_id, **refusal.parameters)]})
    return Answer(status, body, headers=headers if status == 429 else (), endpoint=endpoint, refused=status in (401, 403, 429))
