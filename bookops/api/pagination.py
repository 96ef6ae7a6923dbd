"""Pages that cost the same however deep one reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

if TYPE_CHECKING:
    # Only named: importing it here would close a circle, since DRF's views load their settings' classes.
    from rest_framework.views import APIView


class Pages(CursorPagination):
    """Page by cursor; `page_size` up to 500."""

    page_size_query_param = "page_size"
    max_page_size = 500

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any] | None:
        """Return one page; a cursor that was made up is not found."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError, OverflowError) as error:
            raise NotFound("The cursor is not one of ours.") from error


class NewestFirst(Pages):
    """Page by time of creation, newest first."""

    ordering = "-created_at"


class HighestIdFirst(Pages):
    """Page by primary key, newest first, for tables of millions."""

    ordering = "-id"


class InOrder(Pages):
    """Page by number, as the rows stood in the file."""

    ordering = "number"
