"""What eBay's numbered errors and warnings mean for whoever asked.

Documentation: https://developer.ebay.com/api-docs/buy/browse/resources/item_summary/methods/search#h2-error-codes
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bookops.outbound.answers import Answer
from bookops.outbound.errors import BadAnswer, NotFound, Refused, SourceError, TryAgain
from bookops.outbound.quota import seconds_to_midnight
from runbooks.sources import loose_json as loose

#: eBay's days end at midnight here.
DAY_ZONE = "America/Los_Angeles"

_NOT_FOUND = frozenset({11001, 11002, 11003})
_BEING_REVISED = frozenset({11004, 11008})
_IS_A_GROUP = 11006
_TOKEN_NOT_TAKEN = frozenset({1001, 1002})
_CALL_LIMIT = 2001
#: Refused for good, by a word of ours for each that staff can act on; the others carry eBay's number.
_REFUSED = {
    1100: "access_denied",
    11011: "marketplace_unsupported",
    12013: "query_too_broad",
    12019: "marketplace_unsupported",
    12023: "query_too_broad",
}
#: A filter, the sort, the category, the price or the GTIN was left out of account: what came back is not what was asked for.
_IGNORED = frozenset({12002, 12008, 12009, 12012, 12022})
_GROUP_NUMBER = re.compile(r"[?&]item_group_id=([0-9]{9,15})(?![0-9])")


class TokenNotTaken(Refused):
    """eBay no longer takes the token; with a new one the same question may be answered."""

    reason = "bad_token"


class IsGroup(Refused):
    """The number names a listing with variations, which is read as a group."""

    reason = "is_group"

    def __init__(self, group_id: str) -> None:
        super().__init__("a listing with variations")
        self.group_id = group_id


class BeingRevised(Refused):
    """The seller is changing the listing; in some minutes it is there again.

    No TryAgain: for a door that would be a word about all of eBay, and one listing must not hold up the others.
    """

    reason = "being_revised"


def explain(answer: Answer, now: float) -> SourceError | None:
    """Return the error that eBay's own number stands for, None where the HTTP status says all that is known; `now` as of time.time."""
    try:
        errors = loose.mappings(loose.mapping(answer.data).get("errors"))
    except BadAnswer:
        errors = []
    for error in errors:
        found = _meaning(error, answer.status, now)
        if found:
            return found
    # Gateways before the API answer 401 without a number.
    return TokenNotTaken("HTTP 401") if answer.status == 401 else None


def _meaning(error: Mapping[str, Any], status: int, now: float) -> SourceError | None:
    code = loose.number(error.get("errorId"))
    words = loose.text(error.get("message"), 200)
    if code in _NOT_FOUND:
        return NotFound("ended, sold, deleted or never there: eBay does not say which", reason="gone")
    if code in _BEING_REVISED:
        return BeingRevised("the seller is changing the listing")
    if code == _IS_A_GROUP:
        return IsGroup(_group_id(error))
    if code in _TOKEN_NOT_TAKEN:
        return TokenNotTaken(words)
    if code == _CALL_LIMIT:
        return TryAgain("the day's calls are used up", reason="quota_day", retry_after=seconds_to_midnight(DAY_ZONE, now), spent=True)
    if code is None or status >= 500 or status in (408, 429):  # eBay's own trouble, or too many at once: the status is right
        return None
    return Refused(words, reason=_REFUSED.get(code, f"ebay_{code}"))


def _group_id(error: Mapping[str, Any]) -> str:
    """Return the group's number, read off the address that eBay names; the address itself is never asked."""
    for parameter in loose.mappings(error.get("parameters")):
        found = _GROUP_NUMBER.search(loose.text(parameter.get("value"))) if parameter.get("name") == "itemGroupHref" else None
        if found:
            return found[1]
    return ""


def warnings(payload: Mapping[str, Any]) -> tuple[tuple[str, ...], bool]:
    """Return the warnings inside a 200, and whether the answer is still one to the question."""
    said = [
        (loose.number(warning.get("errorId")), loose.text(warning.get("message"), 300))
        for warning in loose.mappings(payload.get("warnings"))
    ]
    return tuple(f"{code or ''} {words}".strip() for code, words in said), not any(code in _IGNORED for code, _ in said)
