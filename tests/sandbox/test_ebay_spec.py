from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import pytest
from jsonschema import Draft7Validator

from sandbox.ebay import ITEM, PARAMETERS, SEARCH
from sandbox.ebay_errors import ERRORS
from sandbox.listings import inventory
from tests.sandbox.asking_ebay import EBayCaller
from tests.shared_data import shared_path

pytestmark = pytest.mark.shared


@lru_cache(maxsize=1)
def specification() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(shared_path("contracts", "specs", "ebay_buy_browse_v1_oas3_v1.20.4.json").read_text())
    return read


def faults(name: str, content: Any) -> list[str]:
    """Return what the specification finds wrong with an answer: wrong types, and keys that it does not have."""
    components = json.loads(json.dumps(specification()["components"]))
    for schema in components["schemas"].values():
        schema["additionalProperties"] = False
    validator = Draft7Validator({"$ref": f"#/components/schemas/{name}", "components": components})
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(content)]


def test_its_items_are_what_the_specification_says(sandbox) -> None:
    caller = EBayCaller(sandbox)
    sandbox.settings(sources={"ebay": {"revising_seconds": 0.0}})
    asked = [listing for listing in inventory()[:60] if listing.state != "ended"]
    assert len(asked) > 50
    for listing in asked:
        if listing.variations:
            group = caller.browse("/item/get_items_by_item_group", item_group_id=listing.item).json()
            assert faults("ItemGroup", group) == []
        else:
            assert faults("Item", caller.item(listing.item).json()) == []


@pytest.mark.parametrize(
    "parameters", [{"q": "dickens"}, {"q": "dickens", "fieldgroups": "EXTENDED", "filter": "price:[1..2]"}, {"gtin": "9780000000002"}]
)
def test_its_searches_are_what_the_specification_says(sandbox, parameters: dict[str, str]) -> None:
    assert faults("SearchPagedCollection", EBayCaller(sandbox).search(**parameters)) == []


def test_its_parameters_are_those_of_the_specification() -> None:
    for path, name in (("/item_summary/search", SEARCH), ("/item/{item_id}", f"{ITEM}/*")):
        listed = {part["name"] for part in specification()["paths"][path]["get"]["parameters"] if part["in"] == "query"}
        assert PARAMETERS[name] == listed


def test_the_specification_has_its_error_ids() -> None:
    known = json.dumps(specification()["paths"])
    assert [number for number in ERRORS if number >= 11000 and f'"{number}"' not in known] == []
