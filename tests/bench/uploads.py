"""Uploads over HTTP as a person's program makes them, and what became of them. Import it once Django is set up."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from django.contrib.auth import get_user_model
from django.utils import timezone
from knox.models import AuthToken

from bookops.runs import ENDED
from enrichment.deciding import OPEN_LIBRARY, Question
from enrichment.models import LibraryImport
from enrichment.remembering import remember
from enrichment.sources.facts import EditionFacts
from tests.bench.stack import Stack

#: Seconds between two looks at an import: they cost the database next to nothing.
LOOK = 0.02


@dataclass(frozen=True)
class Taken:
    """Hold an upload that was answered."""

    id: uuid.UUID
    #: time.monotonic() before the first byte was sent.
    start: float
    #: Seconds until the answer.
    answered_after: float


class Person:
    """Use the API with a token, over one connection."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.user, _ = get_user_model().objects.get_or_create(username=name)
        self._url = stack.url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Token {AuthToken.objects.create(self.user)[1]}"

    def get(self, path: str, **options: Any) -> requests.Response:
        """Ask for a path; raise requests.HTTPError unless the answer is a good one."""
        answer = self.session.get(self._url + path, timeout=120, **options)
        answer.raise_for_status()
        return answer

    def post(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """Post JSON and return what is answered; raise requests.HTTPError unless the answer is a good one."""
        answer = self.session.post(self._url + path, json=content, timeout=300)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def upload(self, path: Path) -> Taken:
        """Upload an export and return when it is accepted."""
        content = path.read_bytes()
        start = time.monotonic()
        answer = self.session.post(f"{self._url}/api/upload", files={"csv": (path.name, content, "text/csv")}, timeout=300)
        answered_after = time.monotonic() - start
        answer.raise_for_status()
        return Taken(uuid.UUID(answer.json()["uuid"]), start, answered_after)

    def imports(self, path: Path, *, seconds: float = 3600) -> tuple[LibraryImport, float]:
        """Upload an export and return its import and the seconds from upload to dashboard ready."""
        return ready(self.upload(path), seconds=seconds)

    def download(self, library_import: LibraryImport) -> int:
        """Read an import's dashboard to its end as it is streamed, and return its bytes as they came."""
        with self.get(f"/api/data/{library_import.pk}", stream=True) as answer:
            return sum(len(part) for part in answer.raw.stream(1 << 16, decode_content=False))


def ready(taken: Taken, *, seconds: float = 3600) -> tuple[LibraryImport, float]:
    """Wait until an import has ended and its dashboard is there; return it and the seconds since its upload began."""
    rows = LibraryImport.objects.filter(pk=taken.id).values_list("state", "dashboard_key", "dashboard_partial")
    while True:
        state, key, partial = rows.get()
        took = time.monotonic() - taken.start
        if state in ENDED and key and not partial:
            return LibraryImport.objects.get(pk=taken.id), took
        if took > seconds:
            raise TimeoutError(f"the import is still {state} after {took:.0f} s")
        time.sleep(LOOK)


def at_once(works: Iterable[Callable[[], Any]]) -> None:
    """Do several things at the same time and return when all are done; raise what one of them raised."""
    failures: list[BaseException] = []

    def guarded(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def remember_books(books: Iterable[dict[str, str]], *, batch: int = 1000) -> None:
    """Have every book remembered as if Open Library had been asked for it by ISBN, through the product's own `remember`.

    A hundred thousand books asked of the sandbox would take an hour of the measurement for nothing that it measures.
    """
    answers: dict[Question, tuple[EditionFacts, ...]] = {}
    for book in books:
        isbn = isbn_of(book)
        answers[Question(OPEN_LIBRARY, "isbn", isbn13=isbn)] = (_facts(book, isbn),)
        if len(answers) == batch:
            remember(answers, timezone.now())
            answers = {}
    remember(answers, timezone.now())


def isbn_of(book: dict[str, str]) -> str:
    """Return the ISBN-13 of a row of an export."""
    return book["ISBN13"].strip('="')


def _facts(book: dict[str, str], isbn: str) -> EditionFacts:
    number = int(book["Book Id"])
    return EditionFacts(
        source=OPEN_LIBRARY,
        key=f"/books/OL{number}M",
        title=book["Title"],
        authors=(book["Author"],),
        isbns=(isbn,),
        publisher=book["Publisher"],
        published=book["Year Published"],
        year=int(book["Year Published"]),
        pages=int(book["Number of Pages"]),
        language="en",
        subjects=("Fiction", "Fantasy fiction", "Friendship -- Fiction", "England", "Large type books"),
        cover_url=f"https://covers.openlibrary.org/b/id/{number}-L.jpg",
        small_cover_url=f"https://covers.openlibrary.org/b/id/{number}-S.jpg",
        work_key=f"/works/OL{number}W",
        edition_key=f"/books/OL{number}M",
    )
