"""eBay's own specification of its Browse API, as a judge of what is asked and what is answered."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from tests.runbooks.sources.fake_door import Asked
from tests.shared_data import shared_path

_BROWSE = "/buy/browse/v1"


class EbaySpec:
    """Judge requests and answers; no key that the specification does not know is let through."""

    def __init__(self) -> None:
        path = shared_path("contracts", "specs", "ebay_buy_browse_v1_oas3_v1.20.4.json")
        self._spec = json.loads(path.read_text(encoding="utf-8"))
        for schema in self._spec["components"]["schemas"].values():
            if "properties" in schema:
                schema["additionalProperties"] = False

    def call_of(self, asked: Asked) -> str:
        """Return the path of the specification that a request is for."""
        path = asked.path.removeprefix(_BROWSE)
        assert path != asked.path, f"{asked.path} is no path of the Browse API"
        return path if path in self._spec["paths"] else "/item/{item_id}"

    def judge_request(self, asked: Asked) -> None:
        """Raise AssertionError for a request that the specification does not describe."""
        call = self.call_of(asked)
        parameters = self._spec["paths"][call][asked.method.lower()]["parameters"]
        known = {(each["in"], each["name"].lower()) for each in parameters}
        sent = {("query", name) for name in asked.params} | {("header", name.lower()) for name in asked.headers if name != "Authorization"}
        assert sent <= known, f"{sent - known} are no parameters of {call}"
        missing = {each["name"] for each in parameters if each.get("required") and each["in"] == "query"} - set(asked.params)
        assert not missing, f"{missing} are missing of {call}"
        if call == "/item_summary/search":
            assert 1 <= int(asked.params["limit"]) <= 200
            assert len(asked.params.get("q", "")) <= 100
            assert ("q" in asked.params) != ("gtin" in asked.params)

    def judge_answer(self, call: str, payload: Any) -> None:
        """Raise jsonschema.ValidationError for an answer that is not of the call's schema."""
        reference = self._spec["paths"][call]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        Draft202012Validator({"$ref": reference, "components": self._spec["components"]}).validate(payload)
