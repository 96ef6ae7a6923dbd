"""What a third party answered, and the one place where a status, a header or broken JSON becomes one of the four errors."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from bookops.outbound.errors import BadAnswer, NotFound, Refused, SourceError, TryAgain

#: Seconds. One wrong clock on the other side must not close a source for a day; a day's quota that is used up is told otherwise.
LONGEST_RETRY_AFTER = 60 * 60


@dataclass(frozen=True)
class Answer:
    """Hold one HTTP answer, read to its end."""

    status: int
    #: Names in lower case; of repeated headers the last one.
    headers: Mapping[str, str]
    #: Decompressed.
    body: bytes
    #: From the start of the connection or request to the last byte.
    seconds: float
    #: Bytes of the body as they came, before decompression.
    received: int = 0

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def data(self) -> Any:
        """The body as plain Python values; raises BadAnswer unless it is finite, reasonably nested JSON that says it is JSON."""
        if not self.media_type.endswith("json"):
            raise BadAnswer(f"expected JSON, got {self.media_type[:80] or 'no content type'}", reason="not_json")
        try:
            return json.loads(self.body, parse_constant=_refuse_constant, parse_float=_finite)
        except RecursionError as error:
            raise BadAnswer("JSON nested too deeply", reason="too_deep") from error
        except ValueError as error:  # JSONDecodeError, UnicodeDecodeError, an integer of 5,000 digits
            raise BadAnswer(f"broken JSON ({len(self.body)} bytes)", reason="bad_json") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number


def retry_after(answer: Answer) -> float | None:
    """Return the seconds of a Retry-After header (a number or a date), None when there is none that can be read."""
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        seconds = float(text[:12])
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), float(LONGEST_RETRY_AFTER))


def error_of(answer: Answer) -> SourceError | None:
    """Return the error that the status stands for, None for a 2xx."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status in (404, 410):
        return NotFound(f"HTTP {status}", reason="not_found")
    if status == 429:
        return TryAgain("HTTP 429", reason="rate_limited", retry_after=retry_after(answer))
    if status >= 500 or status in (408, 425):
        return TryAgain(f"HTTP {status}", reason=f"http_{status}", retry_after=retry_after(answer))
    if status in (401, 403):
        return Refused(f"HTTP {status}", reason="unauthorized" if status == 401 else "forbidden")
    if status >= 400:
        return Refused(f"HTTP {status}", reason=f"http_{status}")
    return BadAnswer(f"HTTP {status}", reason=f"http_{status}")
