"""An owner's books: lists, and edits that lock what they set."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, Max, Min, OuterRef, Q
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.pagination import HighestIdFirst
from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.books import Book
from enrichment.api.book_serializers import BookEditSerializer, BookSerializer, FactSerializer
from enrichment.api.owned import book_of
from enrichment.imports import delete_book, edit_book, lock_fact, unlock_fact
from enrichment.models import ImportRow


class BookFilter(filters.FilterSet):
    """Filter books."""

    isbn13 = filters.CharFilter(max_length=13)
    language = filters.CharFilter(max_length=20)
    library_import = filters.UUIDFilter(method="of_import", label="Books of one import.")
    q = filters.CharFilter(method="search", label="Part of the title or the author.", max_length=200)
    enriched = filters.BooleanFilter(field_name="enriched_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Book
        fields = ["isbn13", "language"]

    def of_import(self, books: Any, name: str, value: uuid.UUID) -> Any:
        """Filter to books that a row of the import means, without a join that would list one twice. One query at once."""
        rows = ImportRow.objects.filter(library_import=value)
        # An import's books often lie far from the newest; without its ends the list would be walked to where they begin.
        ends = rows.aggregate(lowest=Min("book"), highest=Max("book"))
        if ends["lowest"] is None:
            return books.none()
        within = {"book__gte": ends["lowest"], "book__lte": ends["highest"]}
        return books.filter(Exists(rows.filter(book=OuterRef("pk"), **within)), pk__gte=ends["lowest"], pk__lte=ends["highest"])

    def search(self, books: Any, name: str, value: str) -> Any:
        """Filter to books whose title or author contains the words."""
        return books.filter(Q(title__icontains=value) | Q(author__icontains=value))


@extend_schema(tags=["books"])
@extend_schema_view(get=extend_schema(operation_id="books_list", summary="Your books, newest first"))
class BookListView(ListAPIView[Book]):
    """List books."""

    serializer_class = BookSerializer
    filterset_class = BookFilter
    pagination_class = HighestIdFirst
    request: OwnerRequest
    queryset = Book.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        """Return the owner's."""
        return Book.objects.filter(owner=self.request.user)


class BookDetailView(APIView):
    """Show or change one book."""

    @extend_schema(operation_id="books_detail", tags=["books"], summary="One book", responses=BookSerializer)
    def get(self, request: OwnerRequest, public_id: uuid.UUID) -> Response:
        """Return a book."""
        return Response(BookSerializer(book_of(request, public_id)).data)

    @extend_schema(
        operation_id="books_edit",
        tags=["books"],
        summary="Set facts of a book and lock them",
        request=BookEditSerializer,
        responses=BookSerializer,
        examples=[OpenApiExample("Correct", {"title": "The Left Hand of Darkness", "original_year": 1969}, request_only=True)],
    )
    def patch(self, request: OwnerRequest, public_id: uuid.UUID) -> Response:
        """Set the named facts; no automated writer changes them until they are unlocked."""
        book = book_of(request, public_id)
        wanted = BookEditSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            book = edit_book(book, dict(wanted.validated_data), by=request.user)
        except ValidationError as error:
            raise Problem(422, "invalid_fact", " ".join(error.messages), remedy="Correct the value and send it again.") from error
        return Response(BookSerializer(book).data)

    @extend_schema(
        operation_id="books_delete",
        tags=["books"],
        summary="Delete a book that nothing refers to",
        description="Such as one that was kept when its import was deleted. 409 while a row of an import or a copy refers to it.",
        responses={204: None},
    )
    def delete(self, request: OwnerRequest, public_id: uuid.UUID) -> Response:
        """Delete a book, with what was corrected and locked."""
        if not delete_book(book_of(request, public_id)):
            raise Problem(
                409,
                "book_in_use",
                "An import or an evaluation refers to this book.",
                remedy="Delete those first; imports take their books along.",
            )
        return Response(status=204)


class BookLockView(APIView):
    """Lock a fact."""

    @extend_schema(
        operation_id="books_lock",
        tags=["books"],
        summary="Keep a fact of a book as it is",
        request=FactSerializer,
        responses=BookSerializer,
    )
    def post(self, request: OwnerRequest, public_id: uuid.UUID) -> Response:
        """Lock one fact; no automated writer changes it until it is unlocked."""
        book = book_of(request, public_id)
        return Response(BookSerializer(lock_fact(book, _fact_in(request))).data)


class BookUnlockView(APIView):
    """Unlock a fact."""

    @extend_schema(
        operation_id="books_unlock",
        tags=["books"],
        summary="Let sources set a fact of a book again",
        request=FactSerializer,
        responses=BookSerializer,
    )
    def post(self, request: OwnerRequest, public_id: uuid.UUID) -> Response:
        """Take the lock off one fact."""
        book = book_of(request, public_id)
        return Response(BookSerializer(unlock_fact(book, _fact_in(request))).data)


def _fact_in(request: OwnerRequest) -> str:
    wanted = FactSerializer(data=request.data)
    wanted.is_valid(raise_exception=True)
    return str(wanted.validated_data["fact"])
