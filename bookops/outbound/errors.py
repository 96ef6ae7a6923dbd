"""The four ways a third party can fail us; what to do next is read off the class, never off a status code."""

from __future__ import annotations


class SourceError(Exception):
    """A third party did not give what was asked.

    `reason` is a stable code that is stored on the row; `detail` is for people and never holds a key or an address of ours.
    """

    reason = "source_error"

    def __init__(self, detail: str = "", *, reason: str = "", source: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.source = source
        if reason:
            self.reason = reason


class TryAgain(SourceError):
    """The same question may be answered later: a time-out, a 5xx, a rate limit.

    `retry_after` is in seconds, None where the third party did not say. `spent` is True when a quota is used up, so that
    waiting is no attempt and the row parks. `asked` is False when the question never left the house (its turn has not come, or the
    circuit breaker is open), so that it is no attempt either.
    """

    reason = "unavailable"

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after: float | None = None,
        spent: bool = False,
        asked: bool = True,
        reason: str = "",
        source: str = "",
    ) -> None:
        super().__init__(detail, reason=reason, source=source)
        self.retry_after = retry_after
        self.spent = spent
        self.asked = asked


class NotFound(SourceError):
    """The third party answered that there is no such thing."""

    reason = "not_found"


class Refused(SourceError):
    """The question was refused and will be refused again: a bad key, a blocked agent, a forbidden address.

    `account_wide` is True when every other question would be refused too, because the key is bad or its money is spent.
    """

    reason = "refused"

    def __init__(self, detail: str = "", *, account_wide: bool = False, reason: str = "", source: str = "") -> None:
        super().__init__(detail, reason=reason, source=source)
        self.account_wide = account_wide


class BadAnswer(SourceError):
    """An answer came that cannot be read: wrong type, broken JSON, too large, another shape."""

    reason = "bad_answer"
