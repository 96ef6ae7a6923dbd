"""What an owner may see: every view of this API reads through these, so that what is someone else's is not found."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404

from bookops.api.requests import OwnerRequest
from bookops.books import Book
from enrichment.models import ImportRow, ImportRowQuerySet, LibraryImport, LibraryImportQuerySet


def imports_of(request: OwnerRequest) -> LibraryImportQuerySet:
    """Return the imports of the one who asks."""
    return LibraryImport.objects.owned_by(request.user)


def import_of(request: OwnerRequest, pk: uuid.UUID) -> LibraryImport:
    """Return one of their imports; raises Http404."""
    return _one(imports_of(request).filter(pk=pk))


def rows_of(request: OwnerRequest, pk: uuid.UUID) -> ImportRowQuerySet:
    """Return the rows of one of their imports; raises Http404."""
    return import_of(request, pk).rows.select_related("book")


def row_of(request: OwnerRequest, pk: uuid.UUID, number: int) -> ImportRow:
    """Return one row of one of their imports; raises Http404."""
    rows = ImportRow.objects.select_related("book", "library_import").prefetch_related("tries")
    return _one(rows.filter(library_import__owner=request.user, library_import_id=pk, number=number))


def book_of(request: OwnerRequest, public_id: uuid.UUID) -> Book:
    """Return one of their books; raises Http404."""
    return _one(Book.objects.filter(owner=request.user, public_id=public_id))


def _one(queryset: Any) -> Any:
    found = queryset.first()
    if found is None:
        raise Http404
    return found
