"""What a JSON schema must be for Anthropic to hold an answer to it (https://platform.claude.com/docs/en/build-with-claude/structured-outputs)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.anthropic_errors import invalid

MOST_OPTIONAL = 24
MOST_UNIONS = 16
DEEPEST = 60

_TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_ANYWHERE = frozenset(
    {"type", "title", "description", "default", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "definitions", "$schema", "$id"}
)
_BY_TYPE = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems"}),
    "string": frozenset({"format"}),
}


def check(schemas: Sequence[tuple[str, Any]]) -> None:
    """Refuse what cannot be held to, in schemas that go by the place where they stand; the limits count them together."""
    optional = unions = 0
    for where, schema in schemas:
        for node in _checked(schema, where, schema, ()):
            optional += len(set(node.get("properties", ())) - set(node.get("required", ())))
            unions += "anyOf" in node or isinstance(node.get("type"), list)
    if optional > MOST_OPTIONAL:
        raise invalid(
            f"Schemas contains too many optional parameters ({optional}), which would make grammar compilation inefficient. "
            f"Reduce the number of optional parameters (limit: {MOST_OPTIONAL})."
        )
    if unions > MOST_UNIONS:
        raise invalid(
            f"Schemas contains too many parameters with union types ({unions} parameters with type arrays or anyOf). "
            f"Reduce the number of parameters with union types (limit: {MOST_UNIONS})."
        )


def _checked(schema: Any, where: str, root: Any, refs: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    """Yield every schema within, each after it was looked at; what is referred to counts at each place."""
    if not isinstance(schema, Mapping) or len(refs) > DEEPEST:
        raise invalid(f"{where}: Input should be a valid dictionary")
    if "$ref" in schema:
        yield from _referred(schema["$ref"], where, root, refs)
        return
    if "oneOf" in schema:
        raise invalid(f"{where}: Schema type 'oneOf' is not supported")
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if unknown := [kind for kind in kinds if kind not in _TYPES]:
        raise invalid(f"{where}: Invalid type '{unknown[0]}'")
    if not kinds and not {"enum", "const", "anyOf", "allOf"} & set(schema):
        raise invalid(f"{where}: Schema must have a 'type', 'anyOf', 'allOf', 'enum', 'const' or '$ref' field")
    _check_keywords(schema, kinds, where)
    yield schema
    for name, part in schema.get("properties", {}).items():
        yield from _checked(part, f"{where}.properties.{name}", root, refs)
    if "items" in schema:
        yield from _checked(schema["items"], f"{where}.items", root, refs)
    for joint in ("anyOf", "allOf"):
        for part in schema.get(joint, ()):
            yield from _checked(part, f"{where}.{joint}", root, refs)


def _check_keywords(schema: Mapping[str, Any], kinds: list[str], where: str) -> None:
    place = where.partition(".properties")[0].partition(".items")[0]
    allowed = _ANYWHERE.union(*(_BY_TYPE.get(kind, ()) for kind in kinds))
    for name in schema:
        if name not in allowed:
            raise invalid(f"{place}: For '{kinds[0] if kinds else 'any'}' type, property '{name}' is not supported")
    if "object" in kinds:
        extra = schema.get("additionalProperties")
        if "additionalProperties" not in schema:
            raise invalid(f"{place}: For 'object' type, 'additionalProperties' must be explicitly set to false")
        if extra is not False:
            said = str(extra).lower() if isinstance(extra, bool) else "object"
            raise invalid(
                f"{place}: For 'object' type, 'additionalProperties: {said}' is not supported. Please set 'additionalProperties' to false"
            )
        if unknown := set(schema.get("required", ())) - set(schema.get("properties", {})):
            raise invalid(f"{place}: Required property '{min(unknown)}' is not among the properties")
    if schema.get("minItems", 0) not in (0, 1):
        raise invalid(f"{place}: For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    if "format" in schema and schema["format"] not in _FORMATS:
        raise invalid(f"{place}: For 'string' type, format '{schema['format']}' is not supported")
    for value in schema.get("enum", ()):
        if isinstance(value, dict | list):
            raise invalid(f"{place}: Enums of complex types are not supported")


def _referred(reference: Any, where: str, root: Any, refs: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise invalid(f"{where}: External schema reference '{reference}' is not supported")
    if reference in refs:
        raise invalid(f"{where}: Circular reference detected in schema definitions: {reference.rpartition('/')[2]}")
    target: Any = root
    for step in reference[2:].split("/"):
        target = target.get(step) if isinstance(target, Mapping) else None
    if target is None:
        raise invalid(f"{where}: Schema reference '{reference}' leads nowhere")
    yield from _checked(target, where, root, (*refs, reference))
