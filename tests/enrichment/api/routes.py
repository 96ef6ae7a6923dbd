"""Who may reach the addresses of library imports and books."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from bookops.books import Book
from bookops.runs import State
from enrichment.models import LibraryImport
from tests.api.access import OWN, OWNED, Part, Route, Things
from tests.api.clients import json_body
from tests.enrichment.api.factories import CANDIDATE, EXPORT, make_book, make_finished_import, make_row


def an_export() -> dict[str, Any]:
    """Return the arguments that send an export."""
    return {"data": {"csv": SimpleUploadedFile("library.csv", EXPORT)}}


ROUTES: dict[str, list[Route]] = {
    "api/upload": [Route(OWN, "POST", an_export, status=202)],
    "api/status/<uuid:pk>": [Route(OWNED)],
    "api/data/<uuid:pk>": [Route(OWNED), Route(OWNED, "DELETE")],
    "api/imports": [Route(OWN)],
    "api/imports/<uuid:pk>": [Route(OWNED)],
    "api/imports/<uuid:pk>/events": [Route(OWNED)],
    "api/imports/<uuid:pk>/stream": [Route(OWNED)],
    "api/imports/<uuid:pk>/cancel": [Route(OWNED, "POST", json_body)],
    "api/imports/<uuid:pk>/retry": [Route(OWNED, "POST", json_body)],
    "api/imports/<uuid:pk>/redrive": [Route(OWNED, "POST", json_body)],
    "api/imports/<uuid:pk>/re-enrich": [Route(OWNED, "POST", json_body)],
    "api/imports/<uuid:pk>/give-up-source": [Route(OWNED, "POST", lambda: json_body(source="open_library"))],
    "api/imports/<uuid:pk>/unmatched.csv": [Route(OWNED)],
    "api/imports/<uuid:pk>/rows": [Route(OWNED)],
    "api/imports/<uuid:pk>/rows/<int:number>": [Route(OWNED)],
    "api/imports/<uuid:pk>/rows/<int:number>/retry": [Route(OWNED, "POST", json_body)],
    "api/imports/<uuid:pk>/rows/<int:number>/choose": [Route(OWNED, "POST", lambda: json_body(candidate="openlibrary:/books/OL1M"))],
    "api/dead-letters": [Route(OWN)],
    "api/books": [Route(OWN)],
    "api/books/<uuid:public_id>": [
        Route(OWNED),
        Route(OWNED, "PATCH", lambda: json_body(title="Another")),
        Route(OWNED, "DELETE", status=409),  # an import refers to it
    ],
    "api/books/<uuid:public_id>/lock": [Route(OWNED, "POST", lambda: json_body(fact="title"))],
    "api/books/<uuid:public_id>/unlock": [Route(OWNED, "POST", lambda: json_body(fact="title"))],
}


def furnish(owner: Any) -> Things:
    """Give an owner an import with a failed row, and its book."""
    library_import = make_finished_import(owner)
    book = make_book(owner)
    make_row(library_import, book=book, candidates=[CANDIDATE])

    def check_untouched() -> None:
        assert LibraryImport.objects.get(pk=library_import.pk).state == State.SUCCEEDED
        assert library_import.rows.get().state == State.FAILED
        assert Book.objects.get(pk=book.pk).title == "The Left Hand of Darkness"

    values = {"api": {"pk": library_import.pk, "number": 1}, "api/books": {"public_id": book.public_id}}
    return Things(values, [str(library_import.pk), str(book.public_id)], check_untouched)


#: The websocket is tested in test_live.py.
PART = Part(ROUTES, furnish, {"ws/imports/<uuid:pk>"})
