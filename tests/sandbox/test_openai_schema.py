from __future__ import annotations

from typing import Any

import pytest

from sandbox.openai_errors import Refused
from sandbox.openai_schema import check_strict


def holding(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def deep(levels: int) -> dict[str, Any]:
    return holding(inner=deep(levels - 1)) if levels else {"type": "string"}


@pytest.mark.parametrize(
    "schema",
    [
        holding(title={"type": "string", "description": "As printed."}, year={"type": ["integer", "null"], "minimum": 0}),
        holding(day={"type": "string", "format": "date"}, isbn={"type": "string", "pattern": "^[0-9]{13}$"}),
        holding(kinds={"type": "array", "items": {"enum": ["novel", "poem"]}, "minItems": 1, "maxItems": 3}),
        holding(price={"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]}, fixed={"const": 1}),
        holding(author={"$ref": "#/$defs/Author"}) | {"$defs": {"Author": holding(name={"type": "string"})}, "title": "Book"},
        holding(parent={"anyOf": [{"$ref": "#"}, {"type": "null"}]}),
        deep(10),
    ],
)
def test_it_takes_a_strict_schema(schema: dict) -> None:
    check_strict("book", schema)
    check_strict("book", schema)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], 'type: "None"'),
        ({"type": "string"}, "got 'type: \"string\"'"),
        (holding() | {"anyOf": [holding()]}, "must not have 'anyOf' at the top level"),
        (holding() | {"additionalProperties": True}, r"In context=\(\), 'additionalProperties' is required to be supplied and to be false"),
        ({"type": "object", "properties": {}, "required": []}, "'additionalProperties' is required"),
        (holding(a={"type": "string"}) | {"required": []}, "including every key in properties. Missing 'a'"),
        (holding() | {"required": ["b"]}, "Extra required key 'b' supplied"),
        (holding(a=holding(b={"type": "string"}) | {"required": []}), r"In context=\('properties', 'a'\), 'required' is required"),
        (holding(a={"type": "string", "minLength": 1}), r"In context=\('properties', 'a'\), 'minLength' is not permitted"),
        (holding(a={"type": "string", "default": "x"}), "'default' is not permitted"),
        (holding(a={"type": "string", "format": "isbn"}), "'format' of 'isbn' is not permitted"),
        (holding(a={"type": "array"}), "array schema missing items"),
        (holding(a={"type": "array", "items": {"type": "string", "maxLength": 1}}), "'maxLength' is not permitted"),
        (holding(a={"type": "array", "items": {"type": "string"}, "uniqueItems": True}), "'uniqueItems' is not permitted"),
        (holding(a={"oneOf": [{"type": "string"}]}), "must have a 'type' key"),
        (holding(a={"anyOf": [{"type": "string", "not": {}}]}), "'not' is not permitted"),
        (holding(a={"allOf": [{"type": "string"}], "type": "object", "additionalProperties": False}), "'allOf' is not permitted"),
        (holding(a={"type": "text"}), "'text' is not a valid type"),
        (holding(a=True), "schema must be an object"),
        (
            holding(a={"$ref": "#/$defs/A", "description": "x"}) | {"$defs": {"A": {"type": "string"}}},
            r"\$ref cannot have keywords {'description'}",
        ),
        (holding(a={"$ref": "#/$defs/B"}), "can not be resolved"),
        (holding(a={"$ref": "https://example.org/book.json"}), "can not be resolved"),
        (holding(a={"$ref": "#/$defs/A"}) | {"$defs": {"A": {"type": "object"}}}, r"\('\$defs', 'A'\), 'additionalProperties'"),
        (deep(11), "11 levels of nesting exceeds limit of 10"),
        (holding(**{f"p{number}": {"type": "null"} for number in range(5001)}), "5001 properties exceeds limit of 5000"),
        (holding(a={"type": "string", "enum": [str(number) for number in range(1001)]}), "1001 enum values exceeds limit of 1000"),
    ],
)
def test_it_refuses_a_loose_schema(schema: Any, message: str) -> None:
    with pytest.raises(Refused, match=message) as refusal:
        check_strict("book", schema)
    assert refusal.value.error["code"] == "invalid_json_schema"
    assert refusal.value.error["message"].startswith("Invalid schema for response_format 'book': ")


def test_it_takes_the_schema_that_the_sdk_makes_of_a_model() -> None:
    from openai.lib._pydantic import to_strict_json_schema
    from pydantic import BaseModel

    class Author(BaseModel):
        name: str

    class Book(BaseModel):
        authors: list[Author]
        first: Author | None = None

    check_strict("book", to_strict_json_schema(Book))
