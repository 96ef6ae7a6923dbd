"""Anthropic's limits by the minute, and the headers in which it tells what is left of them (https://platform.claude.com/docs/en/api/rate-limits)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime


class Allowance:
    """Let so much through a minute, filled up again evenly."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._seen_at = 0.0

    def spend(self, amount: float, now: float, a_minute: int) -> None:
        """Take an amount, also one that is more than is left."""
        self._spent = self._spent_at(now, a_minute) + amount
        self._seen_at = now

    def left(self, now: float, a_minute: int) -> int:
        """Return how much can be taken now."""
        return max(0, math.floor(a_minute - self._spent_at(now, a_minute)))

    def seconds_until(self, amount: float, now: float, a_minute: int) -> int:
        """Return in how many seconds an amount can be taken, in whole ones; 0 for now."""
        lacking = self._spent_at(now, a_minute) + min(amount, a_minute) - a_minute
        return max(0, math.ceil(lacking / a_minute * 60)) if a_minute else 60

    def _spent_at(self, now: float, a_minute: int) -> float:
        return max(0.0, self._spent - max(0.0, now - self._seen_at) * a_minute / 60)


@dataclass(frozen=True, slots=True)
class Rates:
    """Hold how much a minute takes."""

    requests: int
    input_tokens: int
    output_tokens: int


class Limits:
    """Count what one key asks in a minute."""

    def __init__(self) -> None:
        self._requests, self._input, self._output = Allowance(), Allowance(), Allowance()

    def seconds_to_wait(self, now: float, rates: Rates) -> tuple[int, str]:
        """Return in how many seconds another request may come, and what it is that is used up; 0 for now."""
        waits = (
            (self._requests.seconds_until(1, now, rates.requests), f"{rates.requests} requests per minute"),
            (self._input.seconds_until(1, now, rates.input_tokens), f"{rates.input_tokens} input tokens per minute"),
            (self._output.seconds_until(1, now, rates.output_tokens), f"{rates.output_tokens} output tokens per minute"),
        )
        return max(waits)

    def count(self, now: float, rates: Rates, *, input_tokens: int = 0, output_tokens: int = 0) -> None:
        """Take a request, with the tokens it turned out to have."""
        self._requests.spend(1, now, rates.requests)
        self._input.spend(input_tokens, now, rates.input_tokens)
        self._output.spend(output_tokens, now, rates.output_tokens)

    def headers(self, now: float, rates: Rates) -> tuple[tuple[bytes, bytes], ...]:
        """Return what goes with every answer; "tokens" is input and output together."""
        counted = (
            ("requests", self._requests, rates.requests),
            ("input-tokens", self._input, rates.input_tokens),
            ("output-tokens", self._output, rates.output_tokens),
        )
        said = {kind: (most, one.left(now, most), now + one.seconds_until(most, now, most)) for kind, one, most in counted}
        into, out = said["input-tokens"], said["output-tokens"]
        said["tokens"] = (into[0] + out[0], into[1] + out[1], max(into[2], out[2]))
        return tuple(
            (f"anthropic-ratelimit-{kind}-{name}".encode(), value.encode())
            for kind, (most, left, until) in said.items()
            for name, value in (("limit", str(most)), ("remaining", str(left)), ("reset", _stamp(until)))
        )


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
