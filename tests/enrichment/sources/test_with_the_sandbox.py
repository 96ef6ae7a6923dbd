"""The refusals of Open Library and Google Books as the sandbox says them, over HTTP, as the product asks."""

from __future__ import annotations

import pytest

from bookops.outbound.errors import Refused, TryAgain
from bookops.outbound.http import Door
from enrichment.sources.google_books import GoogleBooks
from enrichment.sources.open_library import OpenLibrary
from sandbox.running import RunningSandbox

IDENTIFIED = "bookops-tests/1 (+https://example.org; mail@example.org)"
GATSBY = "9780743273565"
DAY = 86_400


def open_library(sandbox: RunningSandbox, *, agent: str = IDENTIFIED, **options: object) -> OpenLibrary:
    sandbox.settings(sources={"openlibrary": options})
    return OpenLibrary(Door("openlibrary", sandbox.open_library_url, user_agent=agent))


def google_books(sandbox: RunningSandbox, *, key: str = "a-key", **options: object) -> GoogleBooks:
    sandbox.settings(sources={"googlebooks": options})
    return GoogleBooks(Door("googlebooks", sandbox.google_books_url, user_agent=IDENTIFIED), key)


def test_open_library_is_too_busy_for_now(sandbox):
    with pytest.raises(TryAgain) as caught:
        open_library(sandbox, burst=0, retry_after="7").by_isbns([GATSBY])
    assert (caught.value.reason, caught.value.retry_after) == ("rate_limited", 7)


def test_open_library_answers_nobody_who_does_not_say_who_asks(sandbox):
    with pytest.raises(Refused) as caught:
        open_library(sandbox, agent="python-requests/2.32.3").by_isbns([GATSBY])
    assert caught.value.reason == "forbidden_agent"


def test_a_day_of_google_books_that_is_used_up_comes_back_at_midnight(sandbox):
    source = google_books(sandbox, per_day=1)
    assert source.by_isbn(GATSBY) is not None
    with pytest.raises(TryAgain) as caught:
        source.by_isbn(GATSBY)
    assert (caught.value.reason, caught.value.spent) == ("quota_day", True)
    assert 0 < caught.value.retry_after <= DAY + 3_600  # a day of winter time's beginning has 25 hours


def test_a_rate_of_google_books_that_is_used_up_comes_back_by_itself(sandbox):
    source = google_books(sandbox, per_100_seconds=1)
    source.by_isbn(GATSBY)
    with pytest.raises(TryAgain) as caught:
        source.by_isbn(GATSBY)
    assert (caught.value.reason, caught.value.spent) == ("rate_limited", False)
    sandbox.settings(clock={"advance": 101})
    assert source.by_isbn(GATSBY) is not None


@pytest.mark.parametrize(("key", "kind", "reason"), [("", TryAgain, "quota_day"), ("a-key", Refused, "bad_key")])
def test_google_books_wants_a_key_that_it_knows(sandbox, key, kind, reason):
    with pytest.raises(kind) as caught:
        google_books(sandbox, key=key, keys="another").by_isbn(GATSBY)
    assert caught.value.reason == reason


def test_google_books_is_told_a_country_wherever_it_is_asked_from(sandbox):
    assert google_books(sandbox, require_country=True).by_isbn(GATSBY) is not None
