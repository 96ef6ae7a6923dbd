"""How a JSON schema is filled with values that obey it, from a draft where there is one and by a fixed chance where there is none."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.chance import number_of, one_of

#: Objects nested deeper than this get only what they must have, so that a schema that holds itself comes to an end.
DEEPEST = 8

#: Names that mean one thing, by the word a draft uses for it. A property's name is taken apart at its underscores and capitals.
MEANINGS: dict[str, frozenset[str]] = {
    meaning: frozenset(names.split())
    for meaning, names in {
        "text": "text claim verdict statement finding observation description detail details note issue point defect feature summary item what label",
        "image": "image images photo photos picture pictures evidence img",
        "reason": "reason reasons reasoning rationale why explanation justification because",
        "confidence": "confidence certainty probability",
        "severity": "severity seriousness importance weight",
        "question": "question questions ask request message",
        "said": "said says seller listing listed stated",
        "seen": "seen shows shown actual observed visible",
    }.items()
}

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
#: What stands in an enumeration for not knowing.
_UNKNOWN = frozenset({"", "unknown", "not stated", "not known", "ungraded", "none", "cannot tell", "unclear"})
#: What Anthropic's SDK makes of the constraints that its API does not take: a note at the end of the description.
_NOTED = re.compile(r"\{([^{}]*)\}\s*$")
_CONSTRAINTS = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "minItems", "maxItems", "uniqueItems"),
)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Name one image of a prompt in both ways a schema may ask for: its number, or what the prompt calls it."""

    number: int
    name: str


class _Nothing:
    """Stand for a draft that is not there; None is a draft of null."""


NOTHING: Any = _Nothing()


def name_words(name: str) -> tuple[str, ...]:
    """Return the words of a property's name: condition_grade and conditionGrade are both ("condition", "grade")."""
    return tuple(word.lower() for word in _WORDS.findall(name))


def fill(schema: Mapping[str, Any], draft: Any = NOTHING, *, about: str = "") -> Any:
    """Return a value that obeys the schema; where the draft says nothing, chance decides by `about`. Patterns of strings are not read."""
    return Filler(schema, about).value(schema, draft, "$", 0)


class Filler:
    """Fill one schema. A subclass may write other strings, numbers and arrays."""

    def __init__(self, root: Mapping[str, Any], about: str) -> None:
        self._root = root
        self._about = about

    def value(self, schema: Any, draft: Any, path: str, depth: int) -> Any:
        schema = self._resolved(schema)
        if options := self._options(schema):
            return self.value(self._option_for(options, draft, path, depth), draft, path, depth)
        if "const" in schema:
            return schema["const"]
        if isinstance(draft, Mapping) and schema.get("type") not in ("object", "array") and "properties" not in schema:
            draft = _essence(draft, path, is_number=schema.get("type") in ("integer", "number"))
        if schema.get("enum"):
            return self._enumerated(schema["enum"], draft, path)
        kind = schema.get("type") or ("object" if "properties" in schema else "array" if "items" in schema else "string")
        match kind:
            case "object":
                return self.object(schema, draft, path, depth)
            case "array":
                return self.array(schema, draft, path, depth)
            case "integer" | "number":
                return self.number(schema, draft, path, whole=kind == "integer")
            case "boolean":
                return self.boolean(draft, path)
            case "null":
                return None
        return self.string(schema, draft, path)

    def _resolved(self, schema: Any) -> dict[str, Any]:
        if not isinstance(schema, Mapping):
            return {}
        found = dict(schema)
        for _ in range(DEEPEST):
            reference = found.pop("$ref", None)
            if not isinstance(reference, str):
                break
            target: Any = self._root
            for step in reference.removeprefix("#").strip("/").split("/"):
                target = target.get(step, {}) if isinstance(target, Mapping) and step else target
            found = {**target, **found} if isinstance(target, Mapping) else found
        for part in found.pop("allOf", ()):
            part = self._resolved(part)
            found = {**found, **part, "properties": {**found.get("properties", {}), **part.get("properties", {})}}
            if not found["properties"]:
                del found["properties"]
        return found

    def _options(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        if listed := schema.get("anyOf") or schema.get("oneOf"):
            return [self._resolved(option) for option in listed]
        if isinstance(kinds := schema.get("type"), list):
            return [{**schema, "type": kind} for kind in kinds]
        return []

    def _option_for(self, options: list[dict[str, Any]], draft: Any, path: str, depth: int) -> dict[str, Any]:
        null = next((option for option in options if option.get("type") == "null"), None)
        others = [option for option in options if option is not null]
        unknown = draft is None or (isinstance(draft, Mapping) and draft.get("text", "") is None)
        if null is not None and (unknown or not others or (draft is NOTHING and depth > DEEPEST)):
            return null
        wanted = _kinds_of(draft)
        fitting = [option for option in others if option.get("type") in wanted]
        return (fitting or others)[0] if draft is not NOTHING else one_of(others, self._about, path, "option")

    def _enumerated(self, values: Sequence[Any], draft: Any, path: str) -> Any:
        if isinstance(draft, ImageReference):
            by_name = [value for value in values if str(value) in (draft.name, str(draft.number))]
            return by_name[0] if by_name else values[(draft.number - 1) % len(values)]
        if draft is not NOTHING:
            meant = _UNKNOWN if draft is None else {_folded(draft)}
            for value in values:
                if value == draft or _folded(value) in meant:
                    return value
        return one_of([value for value in values if value is not None] or values, self._about, path, "enum")

    def object(self, schema: dict[str, Any], draft: Any, path: str, depth: int) -> dict[str, Any]:
        if draft is not NOTHING and not isinstance(draft, Mapping):
            draft = {"image" if isinstance(draft, ImageReference) else "text": draft}
        told: Mapping[str, Any] = draft if isinstance(draft, Mapping) else {}
        filled: dict[str, Any] = {}
        required = schema.get("required", ())
        for name, wanted in schema.get("properties", {}).items():
            if depth < DEEPEST or name in required:
                filled[name] = self.value(wanted, _told_of(name, told), f"{path}.{name}", depth + 1)
        if isinstance(extra := schema.get("additionalProperties"), Mapping) and not filled:
            filled = {str(name): self.value(extra, value, f"{path}.{name}", depth + 1) for name, value in told.items()}
        return filled

    def array(self, schema: dict[str, Any], draft: Any, path: str, depth: int) -> list[Any]:
        constraints = _constraints(schema)
        fewest, most = int(constraints.get("minItems", 0)), int(constraints.get("maxItems", 20))
        choices = self._resolved(schema.get("items", {})).get("enum")
        if draft is NOTHING:
            drafts = [NOTHING] * (1 + number_of(self._about, path, "count") % 2 if depth < DEEPEST else 0)
        else:
            drafts = list(draft) if isinstance(draft, list | tuple) else [] if draft is None else [draft]
            drafts = _among(choices, drafts)
        drafts = drafts[:most] + [NOTHING] * (fewest - len(drafts))
        items = [self.value(schema.get("items", {}), one, f"{path}[{place}]", depth + 1) for place, one in enumerate(drafts)]
        unlike = _unlike(items)
        # A list of choices names each once, where that leaves enough of them.
        return unlike if constraints.get("uniqueItems") or (choices and len(unlike) >= fewest) else items

    def boolean(self, draft: Any, path: str) -> bool:
        return draft if isinstance(draft, bool) else draft is NOTHING and number_of(self._about, path) % 4 == 0

    def number(self, schema: dict[str, Any], draft: Any, path: str, *, whole: bool) -> int | float:
        if isinstance(draft, ImageReference):
            draft = draft.number
        told = draft if isinstance(draft, int | float) and not isinstance(draft, bool) else None
        lowest, highest, step = _bounds(_constraints(schema), name_words(path.rpartition(".")[2]), whole=whole, told=told)
        if told is None:
            share = number_of(self._about, path, "number") / 2**64
            draft = lowest + share * (highest - lowest)
        value = min(max(draft, lowest), highest)
        if step:
            value = value // step * step
        return min(max(round(value), math.ceil(lowest)), math.floor(highest)) if whole else round(value, 2)

    def string(self, schema: dict[str, Any], draft: Any, path: str) -> str:
        chance = number_of(self._about, path, "string")
        constraints = _constraints(schema)
        if made := _FORMATS.get(schema.get("format", "")):
            pattern, make = made
            return draft if isinstance(draft, str) and pattern.fullmatch(draft) else make(chance)
        name = " ".join(name_words(path.rpartition(".")[2])) or "this"
        text = f"Nothing stands out in {name}." if draft is NOTHING else _as_text(draft)
        shortest, longest = int(constraints.get("minLength", 0)), int(constraints.get("maxLength", 10_000))
        if len(text) > longest:
            text = text[:longest].rpartition(" ")[0] or text[:longest]
        return text if len(text) >= shortest else (text + " " + "and so on, " * shortest)[:shortest]


def _among(choices: Sequence[Any] | None, drafts: list[Any]) -> list[Any]:
    """Return the drafts without those that are none of the choices: what was meant is not replaced by chance."""
    if not choices:
        return drafts
    known = {_folded(choice) for choice in choices}
    return [draft for draft in drafts if isinstance(draft, ImageReference) or _folded(draft) in known]


def _uuid(chance: int) -> str:
    digits = f"{chance:016x}" * 2
    return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "8" + digits[17:20], digits[20:]))


#: What a string of a format looks like, and how one is made.
_FORMATS: dict[str, tuple[re.Pattern[str], Callable[[int], str]]] = {
    "date": (re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])-([01][1-9]|2[0-8])"), lambda chance: f"2026-{1 + chance % 9:02}-{1 + chance % 28:02}"),
    "date-time": (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), lambda chance: f"2026-01-{1 + chance % 28:02}T12:00:00Z"),
    "time": (re.compile(r"[01]\d:[0-5]\d:[0-5]\dZ"), lambda _: "12:00:00Z"),
    "uri": (re.compile(r"https?://[\x21-\x7e]+"), lambda chance: f"https://example.org/{chance % 10_000}"),
    "email": (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), lambda _: "someone@example.org"),
    "uuid": (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), _uuid),
}


def _kinds_of(draft: Any) -> tuple[str, ...]:
    match draft:
        case bool():
            return ("boolean",)
        case int() | float():
            return ("number", "integer")
        case str():
            return ("string",)
        case Mapping():
            return ("object", "string")
        case list() | tuple():
            return ("array",)
    return ("integer", "number", "string") if isinstance(draft, ImageReference) else ()


def _folded(value: Any) -> str:
    return re.sub(r"[^a-z0-9]+", " ", _as_text(value).lower()).strip()


def _as_text(draft: Any) -> str:
    match draft:
        case str():
            return draft
        case ImageReference():
            return draft.name
        case Mapping():
            return _as_text(
                next((draft[name] for name in ("text", "reason", "question") if name in draft), "; ".join(map(_as_text, draft.values())))
            )
        case list() | tuple():
            return "; ".join(map(_as_text, draft))
        case None:
            return ""
    return str(draft)


def _told_of(name: str, told: Mapping[str, Any]) -> Any:
    """Return what a draft says for a property: by its very name, else by what the name means."""
    words = name_words(name)
    folded = "_".join(words)
    for known, value in told.items():
        if known in (name, folded) or known.rstrip("s") == folded.rstrip("s"):
            return value
    # The last word says most: image_reason is a reason, not an image.
    for word in reversed(words):
        for meaning, names in MEANINGS.items():
            if word in names and meaning in told:
                return told[meaning]
    return NOTHING


def _essence(draft: Mapping[str, Any], path: str, *, is_number: bool) -> Any:
    """Return what of a draft goes into the one value that there is room for: what the property's name means, else a number or all."""
    told = _told_of(path.rpartition(".")[2].partition("[")[0], draft)
    if told is NOTHING:
        told = draft.get("number", draft) if is_number else draft
    return told


def _constraints(schema: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: schema[name] for name in _CONSTRAINTS if name in schema}
    if noted := _NOTED.search(str(schema.get("description", ""))):
        for part in noted[1].split(", "):
            name, _, value = part.partition(": ")
            if name in _CONSTRAINTS and name not in found:
                found[name] = value == "True" if value in ("True", "False") else _number_in(value)
    return {name: value for name, value in found.items() if value is not None}


def _number_in(text: str) -> int | float | None:
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return None


def _bounds(constraints: Mapping[str, Any], words: Iterable[str], *, whole: bool, told: float | None) -> tuple[float, float, float]:
    """Return the lowest and the highest number, and the step between two, 0 for any; a number that is told widens what is not bounded.

    Whole numbers stay integers: past 2**53 a float is no longer a multiple of anything odd.
    """
    step, least = constraints.get("multipleOf", 0), 1 if whole else 0.01
    lowest, highest = constraints.get("minimum"), constraints.get("maximum")
    if "exclusiveMinimum" in constraints:
        lowest = constraints["exclusiveMinimum"] + least
    if "exclusiveMaximum" in constraints:
        highest = constraints["exclusiveMaximum"] - least
    usual = 100 if "score" in words or "percent" in words else 10 if whole else 1
    if lowest is None:
        lowest = min(0 if told is None else math.floor(told), 0 if highest is None else highest)
    if highest is None:
        highest = max(lowest + usual, usual if told is None else math.ceil(told))
    if step:
        lowest, highest = -(-lowest // step) * step, highest // step * step
    return lowest, highest, step


def _unlike(items: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept
