"""How AbeBooks fails: with a page that nobody has seen before, with a challenge for browsers, in another currency."""

from __future__ import annotations

from bookops.outbound.answers import Answer
from bookops.outbound.errors import BadAnswer, Refused

NAME = "abebooks"

#: In the pages that the firewall (AWS WAF) sends instead. Its scripts may be in a page of listings too, which is far longer.
_CHALLENGE = (b"awsWafCookieDomainList", b"gokuProps", b"challenge.js", b"captcha.js", b"px-captcha")
_LONGEST_CHALLENGE = 20_000


class UnknownMarkup(BadAnswer):
    """The page has a form that no reader knows: that is no word about what is offered.

    `page` is what came, for whoever writes the next reader.
    """

    reason = "unknown_markup"

    def __init__(self, detail: str, page: bytes) -> None:
        super().__init__(detail, source=NAME)
        self.page = page


def wrong_currency(found: str, asked: str) -> Refused:
    """Return the refusal of prices that AbeBooks chose another currency for: it goes by where the caller's address is."""
    return Refused(f"AbeBooks answers in {found or 'an unknown currency'}, not in {asked}", reason="wrong_currency", source=NAME)


def challenge(answer: Answer) -> Refused | None:
    """Return the refusal that a challenge stands for, whatever its status; None for any other answer. It is never solved."""
    is_short = len(answer.body) <= _LONGEST_CHALLENGE
    if "x-amzn-waf-action" in answer.headers or (is_short and any(mark in answer.body for mark in _CHALLENGE)):
        return Refused("AbeBooks wants a browser to prove itself", reason="challenged", source=NAME)
    return None
