"""The desk's pages about library imports; Django finds them by importing this package."""

from enrichment.admin import answers, books, home, imports, rows, sources

__all__ = ["answers", "books", "home", "imports", "rows", "sources"]
