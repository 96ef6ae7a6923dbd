"""eBay as a test tells it: its items, errors and tokens, and a client that asks a fake door."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from runbooks.sources.ebay import Ebay
from runbooks.sources.ebay_tokens import EbayTokens, ProcessShelf
from tests.runbooks.sources.fake_door import FakeDoor, Said
from tests.shared_data import shared_path

#: Two hours before eBay's day ends.
NOW = datetime(2026, 11, 22, 22, 0, tzinfo=ZoneInfo("America/Los_Angeles")).timestamp()


def recorded(name: str) -> Any:
    return json.loads(shared_path("contracts", "fixtures", "ebay", name).read_text(encoding="utf-8"))


def item(number: str = "256712345678", variation: str = "0", **changes: Any) -> dict[str, Any]:
    said = {
        "itemId": f"v1|{number}|{variation}",
        "legacyItemId": number,
        "title": "Idylls of the King, full morocco by Zaehnsdorf",
        "price": {"value": "275.00", "currency": "USD"},
        "buyingOptions": ["FIXED_PRICE"],
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def error(number: int, status: int = 400, message: str = "No.", **parameters: str) -> Said:
    said: dict[str, Any] = {"errorId": number, "domain": "API_BROWSE", "category": "REQUEST", "message": message}
    if parameters:
        said["parameters"] = [{"name": name, "value": value} for name, value in parameters.items()]
    return Said(status, {"errors": [said]})


def token(number: int = 1, seconds: int = 7200) -> dict[str, Any]:
    return {"access_token": f"v^1.1#token{number}", "expires_in": seconds, "token_type": "Application Access Token"}


def client(*replies: Any, **options: Any) -> tuple[Ebay, FakeDoor]:
    """Return a client with a token at hand, and the door that gives it these answers in turn, the last one for ever."""
    answers = list(replies)
    door = FakeDoor(lambda asked: answers.pop(0) if len(answers) > 1 else answers[0])
    return Ebay(door, EbayTokens(FakeDoor(token()), "id", "secret", ProcessShelf()), clock=lambda: NOW, **options), door
