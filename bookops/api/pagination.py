"""Pages that cost the same however deep one reads."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Page by cursor, newest first."""

    ordering = "-created_at"
    page_size_query_param = "page_size"
    max_page_size = 500
