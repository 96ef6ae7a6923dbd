"""JSON schemas in the strict form that providers of language models keep to."""

from __future__ import annotations

from typing import Any

_NAMED = ("properties", "$defs")
_UNCHECKED = {
    "title", "default", "examples", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
}  # fmt: skip


def strict(schema: Any) -> Any:
    """Return a JSON schema in which every property is required and no other allowed, without what providers refuse to check.

    Bounds and patterns are left to pydantic, which checks the answer again when it arrives.
    """
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}  # OpenAI refuses a reference with anything beside it
    kept = {name: strict(value) for name, value in schema.items() if name not in _UNCHECKED and name not in _NAMED}
    # Below these, names are the answer's own, whatever they are called.
    kept |= {name: {own: strict(value) for own, value in schema[name].items()} for name in _NAMED if name in schema}
    if kept.get("type") == "object":
        kept["required"] = list(kept.get("properties", {}))
        kept["additionalProperties"] = False
    return kept
