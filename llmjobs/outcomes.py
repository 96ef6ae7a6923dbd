"""What a provider's last word about a question means for its item: an answer that holds, or why there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from bookops.purposes import Purpose
from llmjobs.providers import Result, Verdict

#: What no database column takes, PostgreSQL least of all: C0 controls but for tab and line ends, and halves of surrogate pairs.
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
#: The same as JSON may write them; whole pairs are among what this finds.
_ESCAPED = re.compile(r"\\u(?:00[01]|[dD][89a-fA-F])")
MOST_DETAIL = 500
_SHOWN = 100

#: A stable code and words for people, where the provider has none of its own.
_SAYINGS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.CUT_SHORT: ("cut_short", "The answer was cut short at its limit of output tokens."),
    Verdict.REFUSED: ("refused", "The model would not answer."),
    Verdict.FAILED: ("provider_error", "Provider error"),
    Verdict.EXPIRED: ("expired", "Its time at the provider was over before it was answered."),
    Verdict.CANCELLED: ("cancelled_at_provider", "Cancelled at provider"),
    Verdict.LOST: ("lost", "The provider knows it no more; it may have been paid."),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold an answer of the purpose's own type, or the reason why there is none."""

    answer: BaseModel | None = None
    reason: str = ""
    detail: str = ""


def outcome_of(purpose: Purpose, result: Result) -> Outcome:
    """Check a final result; never raises, whatever a model or a provider wrote."""
    if result.verdict != Verdict.ANSWERED:
        reason, detail = _SAYINGS[result.verdict]
        return _without_answer(result.reason or reason, result.detail or detail)
    text = result.text
    if not text.strip():
        return _without_answer("empty_answer", "The provider completed it without a text.")
    try:
        if _ESCAPED.search(text) or _UNSTORABLE.search(text):
            text = json.dumps(storable(json.loads(text)))
        return Outcome(purpose.Answer.model_validate_json(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        if first["type"] == "json_invalid":
            return _not_json(text)
        where = ".".join(map(str, first["loc"]))
        return _without_answer("wrong_shape", f"{where}: {first['msg']}" if where else first["msg"])
    except (ValueError, RecursionError):
        return _not_json(text)


def storable(value: Any) -> Any:
    """Return JSON data without the letters that a database would refuse."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, Mapping):
        return {storable(name): storable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    return value


def _not_json(text: str) -> Outcome:
    return _without_answer("not_json", f"The answer is no JSON: {text[:_SHOWN]}")


def _without_answer(reason: str, detail: str) -> Outcome:
    return Outcome(None, reason[:40], storable(detail)[:MOST_DETAIL])
