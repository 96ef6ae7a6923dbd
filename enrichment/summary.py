"""The summary of a dashboard, added up book by book."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

from enrichment.analytics import BookAnalytics
from enrichment.deciding import GOOGLE_BOOKS, OPEN_LIBRARY, SOURCES
from enrichment.models import ImportRow

#: Facts whose coverage is told.
COVERED = (
    "isbn13",
    "num_pages",
    "publisher",
    "original_publication_year",
    "year_published",
    "date_read",
    "final_genres",
    "thumbnail_url",
)


class Summary:
    """Add up what the dashboard says about the library as a whole. Memory grows with authors and genres only."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._pages = 0
        self._ratings = Decimal(0)
        self._authors: set[str] = set()
        self._genres: Counter[str] = Counter()
        self._shelves: Counter[str] = Counter()
        self._years: Counter[int] = Counter()
        self._pages_by_year: Counter[int] = Counter()
        self._stars: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._covered: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()
        self._genre_sources: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._scores: Counter[str] = Counter()
        self._score_total = 0.0
        self._agreement = 0.0
        self._earliest: date | None = None
        self._latest: date | None = None

    def add(self, book: BookAnalytics, row: ImportRow) -> None:
        """Count one book."""
        counts = self._counts
        counts["total"] += 1
        counts["read"] += book.is_read
        counts["rated"] += book.is_rated
        counts["enriched"] += bool(book.final_genres)
        counts["reread"] += book.was_reread
        counts["no_pages"] += book.num_pages is None
        self._statuses[book.reading_status or "unknown"] += 1
        if book.author:
            self._authors.add(book.author)
        self._genres.update(book.final_genres)
        self._shelves.update(book.bookshelves)
        if book.my_rating is not None:
            self._ratings += book.my_rating
            self._stars[str(book.my_rating.normalize() if book.my_rating % 1 else int(book.my_rating))] += 1
        self._add_reading(book)
        self._add_quality(book, row)

    def _add_reading(self, book: BookAnalytics) -> None:
        if not book.is_read:
            return
        self._pages += book.num_pages or 0
        if book.date_read is None:
            # Left out of time series only.
            self._counts["read_without_date"] += 1
            return
        self._years[book.date_read.year] += 1
        self._pages_by_year[book.date_read.year] += book.num_pages or 0
        self._earliest = min(self._earliest or book.date_read, book.date_read)
        self._latest = max(self._latest or book.date_read, book.date_read)

    def _add_quality(self, book: BookAnalytics, row: ImportRow) -> None:
        for name in COVERED:
            self._covered[name] += getattr(book, name) not in (None, "", ())
        self._sources.update(row.sources)
        self._outcomes[row.outcome or row.state] += 1
        if row.score is not None:
            self._scores[f"{min(int(row.score * 10), 9) / 10:.1f}"] += 1
            self._score_total += row.score
        self._genre_sources[_genre_source(book)] += 1
        if book.google_genres and book.openlibrary_genres:
            google, open_library = set(book.google_genres), set(book.openlibrary_genres)
            self._counts["both"] += 1
            self._agreement += len(google & open_library) / len(google | open_library)

    def summary(self) -> dict[str, Any]:
        """Return the original's summary keys, with what they left out."""
        total, rated, mentions = self._counts["total"], self._counts["rated"], self._genres.total()
        return {
            "total_books": total,
            "read_books": self._counts["read"],
            "rated_books": rated,
            "genre_enriched_books": self._counts["enriched"],
            "genre_enrichment_rate": 100 * self._counts["enriched"] / total if total else 0.0,
            "unique_authors": len(self._authors),
            "unique_genres": len(self._genres),
            "total_pages": self._pages,
            "reading_date_range": {
                "earliest": self._earliest.isoformat() if self._earliest else None,
                "latest": self._latest.isoformat() if self._latest else None,
            },
            "reading_years": sorted(self._years),
            "average_rating": float(self._ratings / rated) if rated else None,
            "most_common_genres": [
                {
                    "genre": genre,
                    "count": count,
                    # Of all genre mentions, as the original had it.
                    "percentage": 100 * count / mentions,
                    "percentage_of_books": 100 * count / total,
                }
                for genre, count in _top(self._genres, 10)
            ],
            "books_by_status": dict(_top(self._statuses)),
            "books_by_shelf": dict(_top(self._shelves, 200)),
            "books_by_year": {str(year): self._years[year] for year in sorted(self._years)},
            "pages_by_year": {str(year): self._pages_by_year[year] for year in sorted(self._pages_by_year)},
            "books_by_rating": dict(sorted(self._stars.items(), key=lambda pair: float(pair[0]))),
            "books_by_genre": dict(_top(self._genres)),
        }

    def validation(self) -> dict[str, Any]:
        """Return the original's counts of what is missing, and which sources the genres really came from."""
        return {
            "books_with_missing_dates": self._counts["read_without_date"],
            "books_with_missing_pages": self._counts["no_pages"],
            "re_read_books_original_count": self._counts["reread"],
            "genre_sources_success": {
                name: self._genre_sources[name] for name in (GOOGLE_BOOKS, OPEN_LIBRARY, "both_sources", "no_genres")
            },
        }

    def quality(self, reasons: dict[str, int], categories: dict[str, int]) -> dict[str, Any]:
        """Return how good the data is: coverage, agreement, failures, scores."""
        total = self._counts["total"]
        scored = self._scores.total()
        return {
            "coverage_by_field": {name: _share(self._covered[name], total) for name in COVERED},
            "coverage_by_source": {name: _share(self._sources[name], total) for name in SOURCES},
            "source_agreement": {
                "books_with_genres_of_both": self._counts["both"],
                "mean_overlap": round(self._agreement / self._counts["both"], 3) if self._counts["both"] else None,
            },
            "outcomes": dict(self._outcomes),
            "failures_by_reason": reasons,
            "failures_by_category": categories,
            "match_scores": {
                "mean": round(self._score_total / scored, 3) if scored else None,
                "histogram": dict(sorted(self._scores.items())),
            },
        }


def _genre_source(book: BookAnalytics) -> str:
    """Return which sources gave a book genres: one of them, both_sources, or no_genres; "person" where neither did."""
    if not book.final_genres:
        return "no_genres"
    if book.google_genres and book.openlibrary_genres:
        return "both_sources"
    return GOOGLE_BOOKS if book.google_genres else OPEN_LIBRARY if book.openlibrary_genres else "person"


def _top(counter: Counter[str], most: int | None = None) -> list[tuple[str, int]]:
    """Return the most common, ties in alphabetical order, so that the same library gives the same document."""
    return sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


def _share(part: int, total: int) -> float:
    return round(100 * part / total, 1) if total else 0.0
