from __future__ import annotations

from typing import Any

import anthropic
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from sandbox.schema_filling import NOTHING, ImageReference, fill

SCALARS = st.one_of(
    st.fixed_dictionaries({"type": st.just("string"), "minLength": st.integers(0, 20), "maxLength": st.integers(20, 90)}),
    st.fixed_dictionaries({"type": st.just("string"), "format": st.sampled_from(["date", "date-time", "uri", "email", "uuid"])}),
    st.fixed_dictionaries({"type": st.sampled_from(["integer", "number"]), "minimum": st.integers(-9, 3), "maximum": st.integers(4, 9)}),
    st.fixed_dictionaries({"type": st.just("integer"), "exclusiveMinimum": st.integers(-5, 0), "multipleOf": st.integers(1, 3)}),
    st.fixed_dictionaries({"enum": st.lists(st.one_of(st.text(max_size=5), st.integers(), st.none()), min_size=1, max_size=4)}),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {"const": 7}]),
)


def _wider(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(["title", "confidence", "condition_grade", "image", "notes", "reasons", "score", "x"])
    objects = st.dictionaries(names, inner, max_size=4).map(
        lambda properties: {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    )
    arrays = st.tuples(inner, st.integers(0, 2), st.integers(2, 4)).map(
        lambda parts: {"type": "array", "items": parts[0], "minItems": parts[1], "maxItems": parts[2]}
    )
    return st.one_of(objects, arrays, st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options}))


SCHEMAS = st.recursive(SCALARS, _wider, max_leaves=8)
DRAFTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=200)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.sampled_from(["title", "text", "image", "score"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(schema=SCHEMAS, draft=st.one_of(st.just(NOTHING), DRAFTS))
def test_it_obeys_any_schema_whatever_the_draft(schema: dict[str, Any], draft: Any) -> None:
    filled = fill(schema, draft, about="a prompt")
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(filled)
    assert filled == fill(schema, draft, about="a prompt")


def test_a_large_whole_number_stays_a_multiple() -> None:
    assert fill({"type": "integer", "exclusiveMinimum": 0, "multipleOf": 3}, 12_857_752_025_497_228) == 12_857_752_025_497_227


class Finding(BaseModel):
    claim: str
    image_ids: list[str]
    severity: str = Field(pattern="minor|major")


class Analysis(BaseModel):
    conditionGrade: str | None
    confidence: float = Field(ge=0, le=1)
    findings: list[Finding] = Field(max_length=2)


def test_it_reads_bounds_where_the_sdk_notes_them() -> None:
    schema = anthropic.transform_schema(Analysis)
    assert "maximum" not in schema["properties"]["confidence"]
    filled = fill(schema, {"confidence": 7, "findings": [{"text": "a"}, {"text": "b"}, {"text": "c"}]})
    assert filled["confidence"] == 1
    assert [finding["claim"] for finding in filled["findings"]] == ["a", "b"]


def test_it_finds_what_a_property_means_by_its_name() -> None:
    filled = fill(
        Analysis.model_json_schema(), {"condition_grade": "Good", "findings": [{"text": "torn", "image": ImageReference(3, "img-c")}]}
    )
    assert filled["conditionGrade"] == "Good"
    assert filled["findings"][0]["claim"] == "torn"
    assert filled["findings"][0]["image_ids"] == ["img-c"]


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "integer"}, 3),
        ({"type": "string"}, "img-c"),
        ({"enum": ["img-a", "img-b", "img-c"]}, "img-c"),
        ({"enum": ["x", "y", "z"]}, "z"),
        ({"type": "array", "items": {"type": "integer"}}, [3]),
        ({"type": "object", "properties": {"photo_number": {"type": "integer"}}}, {"photo_number": 3}),
    ],
)
def test_it_names_an_image_in_the_way_that_is_asked_for(schema: dict[str, Any], named: Any) -> None:
    assert fill(schema, ImageReference(3, "img-c")) == named


def test_it_leaves_out_drafts_that_are_no_choice() -> None:
    schema = {"type": "array", "items": {"enum": ["Fantasy", "Science Fiction"]}}
    assert fill(schema, ["science fiction", "Cookery"]) == ["Science Fiction"]
    assert fill(schema, ["Cookery"]) == []


def test_it_says_unknown_where_it_may() -> None:
    assert fill({"enum": ["FINE", "UNKNOWN", "POOR"]}, None) == "UNKNOWN"
    assert fill({"enum": ["FINE", None]}, None) is None


def test_it_comes_to_an_end_with_a_schema_that_holds_itself() -> None:
    tree = {
        "$defs": {"t": {"type": "object", "properties": {"next": {"$ref": "#/$defs/t"}, "n": {"type": "integer"}}}},
        "$ref": "#/$defs/t",
    }
    assert "next" in fill(tree)
