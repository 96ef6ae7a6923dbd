"""The limits of creating calls, by model: requests and prompt tokens a minute (https://platform.openai.com/docs/guides/rate-limits)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from sandbox.openai_errors import RATE_LIMIT, TROUBLES, Headers, Refused
from sandbox.openai_options import OpenAIOptions


class Allowance:
    """Let so much through a minute; what was taken comes back evenly."""

    def __init__(self) -> None:
        self._taken = 0.0
        self._seen_at = 0.0

    def left(self, now: float, per_minute: float) -> float:
        """Return how much can be taken now."""
        self._taken = max(0.0, self._taken - max(0.0, now - self._seen_at) * per_minute / 60)
        self._seen_at = now
        return per_minute - self._taken

    def take(self, amount: float) -> None:
        """Take an amount that was left."""
        self._taken += amount

    def seconds_until_whole(self, per_minute: float) -> float:
        """Return after how many seconds all can be taken again."""
        return self._taken * 60 / per_minute


@dataclass
class _OfModel:
    requests: Allowance = field(default_factory=Allowance)
    tokens: Allowance = field(default_factory=Allowance)


class RateLimits:
    """Count requests and tokens by model."""

    def __init__(self) -> None:
        self._models: defaultdict[str, _OfModel] = defaultdict(_OfModel)

    def take(self, model: str, tokens: int, now: float, options: OpenAIOptions) -> Headers:
        """Take one request of so many tokens and return the headers that tell what is left; raise Refused when it is too much."""
        of_model = self._models[model]
        wanted = (
            ("requests", "requests per min (RPM)", of_model.requests, 1, options.requests_per_minute),
            ("tokens", "tokens per min (TPM)", of_model.tokens, tokens, options.tokens_per_minute),
        )
        for kind, called, allowance, amount, per_minute in wanted:
            left = allowance.left(now, per_minute)
            if options.limits and amount > left:
                wait = (amount - left) * 60 / per_minute
                message = (
                    f"Rate limit reached for {model} in organization org-sandbox on {called}: Limit {per_minute}, "
                    f"Used {per_minute - int(left)}, Requested {amount}. Please try again in {_spelled(wait)}. "
                    "Visit https://platform.openai.com/account/rate-limits to learn more."
                )
                raise rate_limited(message, kind, wait, options)
        for _, _, allowance, amount, _ in wanted:
            allowance.take(amount)
        return tuple(header for kind, _, allowance, _, per_minute in wanted for header in _headers(kind, allowance, now, per_minute))


def rate_limited(message: str, kind: str, wait: float, options: OpenAIOptions) -> Refused:
    """Return the refusal of a call that comes too soon, with the seconds it should wait."""
    told = options.retry_after or f"{max(1, round(wait))}"
    headers: Headers = ((b"retry-after", told.encode()),)
    if not options.retry_after:
        headers += ((b"retry-after-ms", str(int(wait * 1000) + 1).encode()),)
    return Refused(message, status=429, kind=kind, code="rate_limit_exceeded", headers=headers)


def on_demand(name: str, options: OpenAIOptions) -> Refused:
    """Return the refusal of that name: RATE_LIMIT or one of TROUBLES."""
    if name == RATE_LIMIT:
        return rate_limited("Rate limit reached for requests in organization org-sandbox.", "requests", 1.0, options)
    return TROUBLES[name]()


def _headers(kind: str, allowance: Allowance, now: float, per_minute: int) -> Headers:
    left = max(0, int(allowance.left(now, per_minute)))
    return (
        (f"x-ratelimit-limit-{kind}".encode(), str(per_minute).encode()),
        (f"x-ratelimit-remaining-{kind}".encode(), str(left).encode()),
        (f"x-ratelimit-reset-{kind}".encode(), _spelled(allowance.seconds_until_whole(per_minute)).encode()),
    )


def _spelled(seconds: float) -> str:
    return f"{int(seconds * 1000)}ms" if seconds < 1 else f"{seconds:.3g}s"
