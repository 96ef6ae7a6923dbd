"""Which JSON schemas strict structured output takes (https://platform.openai.com/docs/guides/structured-outputs#supported-schemas)."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from sandbox.openai_errors import Refused

MOST_PROPERTIES = 5000
MOST_LEVELS = 10
MOST_CHOICES = 1000
#: Schemas known to be good, so that the 50,000 lines of a batch are not checked one by one.
GOOD_KEPT = 100

_ANYWHERE = frozenset({"type", "title", "description", "enum", "const", "anyOf", "$ref", "$defs", "definitions", "$schema"})
_BY_TYPE = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "string": frozenset({"pattern", "format"}),
    "number": frozenset({"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "integer": frozenset({"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "boolean": frozenset[str](),
    "null": frozenset[str](),
}
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})

_good: OrderedDict[str, None] = OrderedDict()


def check_strict(name: str, schema: Any) -> None:
    """Raise Refused when a schema is not one that strict output can be held to."""
    spelled = json.dumps(schema)
    if spelled in _good:
        return
    if problem := next(_problems(schema), None):
        raise Refused(f"Invalid schema for response_format '{name}': {problem}", param="text.format.schema", code="invalid_json_schema")
    _good[spelled] = None
    if len(_good) > GOOD_KEPT:
        _good.popitem(last=False)


def _problems(schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        kind = schema.get("type") if isinstance(schema, dict) else None
        yield f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
        return
    if "anyOf" in schema:
        yield "schema must not have 'anyOf' at the top level."
    places = list(_places(schema, (), 0))
    for where, part, level in places:
        if level > MOST_LEVELS:
            yield f"{level} levels of nesting exceeds limit of {MOST_LEVELS}."
            return
        yield from _problems_of(part, where, schema)
    if (count := sum(len(_properties(part)) for _, part, _ in places)) > MOST_PROPERTIES:
        yield f"{count} properties exceeds limit of {MOST_PROPERTIES}."
    if (count := sum(len(part["enum"]) for _, part, _ in places if _is_list(part, "enum"))) > MOST_CHOICES:
        yield f"{count} enum values exceeds limit of {MOST_CHOICES}."


def _problems_of(part: Any, where: tuple[str, ...], root: dict[str, Any]) -> Iterator[str]:
    context = f"In context={where!r}"
    if not isinstance(part, dict):
        yield f"{context}, schema must be an object."
        return
    if "$ref" in part:
        if others := sorted(set(part) - {"$ref"}):
            yield f"{context}, $ref cannot have keywords {set(others)!r}."
        if not _leads_somewhere(str(part["$ref"]), root):
            yield f"{context}, reference {part['$ref']!r} can not be resolved."
        return
    kinds = part["type"] if _is_list(part, "type") else [part["type"]] if "type" in part else []
    if not kinds and not {"enum", "const", "anyOf"} & set(part):
        yield f"{context}, schema must have a 'type' key."
    if unknown := [kind for kind in kinds if kind not in _BY_TYPE]:
        yield f"{context}, {unknown[0]!r} is not a valid type."
        return
    permitted = _ANYWHERE.union(*(_BY_TYPE[kind] for kind in kinds))
    for keyword in part:
        if keyword not in permitted:
            yield f"{context}, '{keyword}' is not permitted."
    if "format" in part and part["format"] not in _FORMATS:
        yield f"{context}, 'format' of {part['format']!r} is not permitted."
    if "object" in kinds:
        yield from _problems_of_object(part, context)
    if "array" in kinds and "items" not in part:
        yield f"{context}, array schema missing items."


def _problems_of_object(part: dict[str, Any], context: str) -> Iterator[str]:
    if part.get("additionalProperties") is not False:
        yield f"{context}, 'additionalProperties' is required to be supplied and to be false."
    required = part["required"] if _is_list(part, "required") else []
    rule = f"{context}, 'required' is required to be supplied and to be an array including every key in properties."
    for name in _properties(part):
        if name not in required:
            yield f"{rule} Missing '{name}'."
    for name in required:
        if name not in _properties(part):
            yield f"{rule} Extra required key '{name}' supplied."


def _places(part: Any, where: tuple[str, ...], level: int) -> Iterator[tuple[tuple[str, ...], Any, int]]:
    """Yield every schema in a schema with its path and how many objects and arrays it lies in."""
    yield where, part, level
    if not isinstance(part, dict) or level > MOST_LEVELS:
        return
    for name, inner in _properties(part).items():
        yield from _places(inner, (*where, "properties", name), level + 1)
    if "items" in part:
        yield from _places(part["items"], (*where, "items"), level + 1)
    for place, inner in enumerate(part["anyOf"] if _is_list(part, "anyOf") else ()):
        yield from _places(inner, (*where, "anyOf", str(place)), level)
    for keyword in ("$defs", "definitions"):
        for name, inner in (part[keyword] if isinstance(part.get(keyword), dict) else {}).items():
            yield from _places(inner, (*where, keyword, name), level)


def _properties(part: Any) -> dict[str, Any]:
    found = part.get("properties") if isinstance(part, dict) else None
    return found if isinstance(found, dict) else {}


def _is_list(part: Any, keyword: str) -> bool:
    return isinstance(part, dict) and isinstance(part.get(keyword), list)


def _leads_somewhere(reference: str, root: dict[str, Any]) -> bool:
    if not reference.startswith("#"):
        return False
    place: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        place = place.get(step) if isinstance(place, dict) else None
    return place is not None
