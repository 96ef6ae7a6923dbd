"""How long lists take to answer, in the API and in the admin, with a million books."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from tests.bench import libraries
from tests.bench.figures import Report, p95
from tests.bench.stack import Stack, measured

MOST_SECONDS = 0.1
ROWS = 200
TIMES = 40
WARM_UP = 3
#: Seconds after which a list has been asked for often enough to be called slow.
LONGEST = 30.0
#: A word that every fifteenth title has; searching by part of a title has no index.
SEARCHED = "cartographer"


def measure(*, short: bool) -> Report:
    """Ask for each list again and again over a database with a million books of one owner."""
    copies, in_large, an_import, times = (10, 5, 1, 5) if short else (5_000, 500, 5, TIMES)
    books = ROWS * (copies + 1)
    report = Report(f"Lists with {books:,} books and as many rows")
    report.notes.append(
        f"{ROWS} books imported from the sandbox and copied {copies:,} times inside PostgreSQL, all of one owner: one import of "
        f"{ROWS * in_large:,} rows, the others of {ROWS * an_import:,}; tables vacuumed and analysed, as autovacuum leaves them. p95 of {times} requests over HTTP, one after the other (fewer where they take longer than {LONGEST:.0f} s together), "
        "as shipped: 50 a page in the API, the admin's own pages. Further pages are five pages on."
    )
    with TemporaryDirectory() as name:
        path = libraries.write(Path(name) / "library.csv", libraries.books(ROWS))
        with measured("postgres", catalogue=[path], settings={"SOURCE_QUOTAS": 0}, sandbox_arguments=("--no-limits",)) as stack:
            from tests.bench.million import multiply
            from tests.bench.uploads import Person

            person = Person(stack, "reader")
            original, _ = person.imports(path)
            start = time.monotonic()
            large = multiply(original, copies, copies_in_large=in_large, copies_an_import=an_import)
            report.notes.append(f"Copying took {time.monotonic() - start:.0f} s.")
            _api(report, person, large, times)
            _admin(report, stack, person.user, large, times)
            report.peaks = dict(stack.peaks)
    return report


def _api(report: Report, person: Any, large: Any, times: int) -> None:
    rows = f"/api/imports/{large}/rows"
    for path in (
        "/api/books",
        "/api/books?enriched=true",
        "/api/books?isbn13=9780000000000",
        f"/api/books?library_import={large}",
        "/api/imports",
        "/api/imports?state=succeeded",
        rows,
        f"{rows}?outcome=matched",
        f"{rows}?state=failed",
        f"{rows}?reason=http_500",
    ):
        _add(report, path.replace(str(large), "…"), lambda path=path: person.get(path), times)  # type: ignore[misc]
    for path in ("/api/books", rows):
        further = _further(person, path)
        _add(report, f"{path.replace(str(large), '…')}, a further page", lambda path=further: person.get(path), times)  # type: ignore[misc]
    _add(report, f"/api/books?q={SEARCHED}", lambda: person.get(f"/api/books?q={SEARCHED}"), times, bounded=False)


def _further(person: Any, path: str, pages: int = 5) -> str:
    """Return the address of a page further on, or of the last there is."""
    for _ in range(pages):
        following = person.get(path).json()["next"]
        if not following:
            break
        path = "/" + following.split("/", 3)[3]
    return path


def _admin(report: Report, stack: Stack, user: Any, large: Any, times: int) -> None:
    session = _logged_in(stack, user)
    for path in (
        "/admin/bookops/book/",
        "/admin/bookops/book/?p=5",
        "/admin/enrichment/libraryimport/",
        "/admin/enrichment/libraryimport/?state__exact=succeeded",
        "/admin/enrichment/importrow/",
        "/admin/enrichment/importrow/?p=5",
        "/admin/enrichment/importrow/?state__exact=failed",
        f"/admin/enrichment/importrow/?import={large}",
        f"/admin/enrichment/importrow/?import={large}&outcome=matched",
        "/admin/enrichment/editionrecord/",
    ):
        _add(report, path.replace(str(large), "…"), lambda path=path: _page(session, stack.url + path), times)  # type: ignore[misc]


def _logged_in(stack: Stack, user: Any) -> requests.Session:
    """Return a session of the admin's, of a superuser."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    user.is_staff = user.is_superuser = True
    user.save()
    store = SessionStore()
    store.update({SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend"})
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    session = requests.Session()
    session.trust_env = False
    session.cookies.set(settings.SESSION_COOKIE_NAME, str(store.session_key))
    return session


def _page(session: requests.Session, url: str) -> None:
    answer = session.get(url, timeout=120, allow_redirects=False)
    if answer.status_code != 200 or 'id="changelist"' not in answer.text:
        raise RuntimeError(f"{url} answered {answer.status_code} and no list")


def _add(report: Report, what: str, ask: Callable[[], Any], times: int, *, bounded: bool = True) -> None:
    seconds: list[float] = []
    while len(seconds) < WARM_UP + times and (sum(seconds) < LONGEST or len(seconds) <= WARM_UP):
        start = time.monotonic()
        ask()
        seconds.append(time.monotonic() - start)
    kept = seconds[WARM_UP:]
    remark = f"{len(kept)} requests, from {1000 * min(kept):.0f} to {1000 * max(kept):.0f} ms" + (
        "" if bounded else "; a search, not a list: no bound is promised"
    )
    report.add(what, 1000 * p95(kept), "ms", 1000 * MOST_SECONDS if bounded else None, remark=remark)
