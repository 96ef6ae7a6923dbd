"""Frankfurter: the exchange rates of a working day, invented around the usual ones, the same whenever a day is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from sandbox.chance import number_of
from sandbox.party import Answer, Party, Request, encoded

#: What one euro is worth about.
PER_EURO = {
    "AUD": 1.66, "CAD": 1.54, "CHF": 0.94, "CZK": 25.1, "DKK": 7.46, "GBP": 0.85, "HKD": 8.52, "JPY": 164.0, "NOK": 11.7, "NZD": 1.82,
    "PLN": 4.29, "SEK": 11.4, "SGD": 1.46, "USD": 1.09,
}  # fmt: skip
FIRST_DAY = date(1999, 1, 4)
NOT_FOUND = encoded({"message": "not found"})


class Frankfurter(Party):
    """Answer as api.frankfurter.app does."""

    name: ClassVar[str] = "frankfurter"

    def answer(self, request: Request) -> Answer:
        """Return the rates of the latest day, or of one that is named."""
        today = datetime.fromtimestamp(self.clock.now(), UTC).date()
        asked = request.path.strip("/")
        try:
            day = today if asked == "latest" else date.fromisoformat(asked)
        except ValueError:
            return Answer(404, NOT_FOUND, endpoint="not served")
        base = request.parameter("base") or request.parameter("from") or "EUR"
        if request.method != "GET" or not FIRST_DAY <= day <= today or (base != "EUR" and base not in PER_EURO):
            return Answer(404, NOT_FOUND, endpoint="/rates", keys=(base,))
        return Answer(200, encoded(rates_of(_working_day(day), base)), endpoint="/rates", keys=(base,))


def rates_of(day: date, base: str) -> dict[str, Any]:
    """Return what one unit of a currency is worth in the others on a working day."""
    euros = {"EUR": 1.0} | {code: usual * (0.99 + 0.02 * number_of(code, day) / 2**64) for code, usual in PER_EURO.items()}
    rates = {code: round(worth / euros[base], 5) for code, worth in sorted(euros.items()) if code != base}
    return {"amount": 1.0, "base": base, "date": day.isoformat(), "rates": rates}


def _working_day(day: date) -> date:
    """Return the day itself, or the Friday before a weekend."""
    return day - timedelta(days=max(0, day.weekday() - 4))
