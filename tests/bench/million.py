"""A million books: the books, rows and imports of one real import, copied by the database itself. PostgreSQL; Django is set up."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import connection, models, transaction

from bookops.books import Book
from enrichment.models import ImportRow, LibraryImport

#: Copy g of the row with this id gets the id g × STRIDE + id, so that copied rows find their copied books.
STRIDE = 100_000


def multiply(original: LibraryImport, copies: int, *, copies_in_large: int, copies_an_import: int) -> uuid.UUID:
    """Copy an import's books and rows so many times, and return the largest of the imports that the rows are spread over.

    The first `copies_in_large` copies make one import; each further import takes `copies_an_import` of them.
    """
    rows = original.rows.count()
    imports = 1 + -(-(copies - copies_in_large) // copies_an_import)
    ids = _copy_imports(original, imports)
    _copy(
        Book,
        copies,
        Book.objects.filter(rows__library_import=original),
        {
            "id": f"g * {STRIDE} + t.id",
            "public_id": "gen_random_uuid()",
            "title": "t.title || ' ' || g",
            "created_at": "t.created_at - g * interval '1 minute'",
        },
    )
    in_large = f"g <= {copies_in_large}"
    place = f"CASE WHEN {in_large} THEN g - 1 ELSE mod(g - 1 - {copies_in_large}, {copies_an_import}) END"
    _copy(
        ImportRow,
        copies,
        original.rows.all(),
        {
            "id": f"g * {STRIDE} + t.id",
            "book_id": f"g * {STRIDE} + t.book_id",
            "number": f"t.number + {rows} * ({place})",
            "title": "t.title || ' ' || g",
            "library_import_id": f"(%s::uuid[])[CASE WHEN {in_large} THEN 1 ELSE 2 + (g - 1 - {copies_in_large}) / {copies_an_import} END]",
        },
        [ids],
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return ids[0]


def _copy_imports(original: LibraryImport, count: int) -> list[uuid.UUID]:
    ids = [uuid.uuid4() for _ in range(count)]
    expressions = {"id": "(%s::uuid[])[g]", "created_at": "t.created_at - g * interval '1 minute'", "filename": "g || ' ' || t.filename"}
    _copy(LibraryImport, count, LibraryImport.objects.filter(pk=original.pk), expressions, [ids])
    return ids


def _copy(model: type[models.Model], copies: int, originals: Any, expressions: dict[str, str], values: list[Any] | None = None) -> None:
    """Insert `copies` copies of the original rows; an expression says what a column becomes, t being the original and g the copy's number."""
    table = connection.ops.quote_name(model._meta.db_table)
    columns = [field.column for field in model._meta.concrete_fields if field.column]
    into = ", ".join(map(connection.ops.quote_name, columns))
    selected = ", ".join(expressions.get(column, f't."{column}"') for column in columns)
    ids = list(originals.values_list("pk", flat=True))
    words = (
        "INSERT INTO",
        table,
        f"({into})",
        "SELECT",
        selected,
        "FROM",
        table,
        "t CROSS JOIN generate_series(1, %s) g WHERE t.id = ANY(%s)",
    )
    with transaction.atomic(), connection.cursor() as cursor:
        # References are right by construction: looking each of them up would take longer than the copying.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(" ".join(words), [*(values or []), copies, ids])
