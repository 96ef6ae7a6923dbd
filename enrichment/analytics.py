"""One book as the dashboard and the statistics see it: 67 fields, each with its source and rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from enrichment.formats.entry import Contributor, LibraryEntry, ShelfPosition

# Upper bound, exclusive -> category.
_PAGE_CATEGORIES = ((200, "Short (<200)"), (350, "Medium (200-350)"), (500, "Long (350-500)"))
_LONGEST_CATEGORY = "Very Long (500+)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrichment:
    """Hold what the sources added to one book; the defaults say that nothing came yet."""

    #: Best first.
    final_genres: tuple[str, ...] = ()
    google_genres: tuple[str, ...] = ()
    openlibrary_genres: tuple[str, ...] = ()
    #: Names of the sources that gave a genre.
    genre_sources: tuple[str, ...] = ()
    #: Lines for people, from the stored attempts.
    logs: tuple[str, ...] = ()
    thumbnail_url: str = ""
    small_thumbnail_url: str = ""
    google_volume_id: str = ""
    openlibrary_work_key: str = ""
    openlibrary_edition_key: str = ""
    #: None until the book was enriched.
    enriched_at: datetime | None = None


NOTHING_YET = Enrichment()


@dataclass(frozen=True, slots=True, kw_only=True)
class BookAnalytics:
    """Hold the 67 facts that a dashboard shows of one book.

    "Export" is a column of the reader's file, "enrichment" an answer of a source, "computed" a rule over the two. What is unknown is None, "" or ().
    """

    # As the export and the sources tell it.

    #: Export, Goodreads "Book Id": digits; "" from other services.
    goodreads_id: str
    #: Export, "Title": with its series.
    title: str
    #: Export, "Author" or the first of "Authors".
    author: str
    #: Export, "Author l-f": family name first, as Goodreads turns it.
    author_lf: str
    #: Export, "Additional Authors" or the rest of "Authors".
    additional_authors: tuple[str, ...]
    #: Export, "ISBN" or "ISBN/UID": an ISBN-10 whose checksum holds.
    isbn: str
    #: Export, "ISBN13" or "ISBN/UID": checksum holds; derived from the ISBN-10 where only that is given.
    isbn13: str
    #: Export, "My Rating" or "Star Rating": down to quarter stars; a 0 means unrated and becomes None.
    my_rating: Decimal | None
    #: Export, "Average Rating": gone from Goodreads exports since June 2026; a 0 becomes None.
    average_rating: Decimal | None
    #: Export, "Publisher".
    publisher: str
    #: Export, "Binding" or "Format": as written, in any language.
    binding: str
    #: Export, "Number of Pages": a 0 becomes None.
    num_pages: int | None
    #: Export, "Year Published": of this edition.
    year_published: int | None
    #: Export, "Original Publication Year": of the work; negative before the common era.
    original_publication_year: int | None
    #: Export, "Date Read" or "Last Date Read": the latest reading; never made up for a read book without one.
    date_read: date | None
    #: Export, "Date Added".
    date_added: date | None
    #: Export, "Exclusive Shelf" or "Read Status".
    reading_status: str
    #: Export, "Bookshelves", or "Tags" where the service has no shelves.
    bookshelves: tuple[str, ...]
    #: Export, "Bookshelves with positions": as written.
    bookshelves_with_positions: str
    #: Export, "My Review" or "Review": raw, sanitise before display.
    my_review: str
    #: Export, "Private Notes": raw, and for the owner only.
    private_notes: str
    #: Export, "Spoiler".
    has_spoilers: bool
    #: Export, "Read Count": at least 1, also where it is blank or 0.
    read_count_original: int
    #: Export, "Owned Copies", or 1 and 0 for "Owned?"; None where the export is silent.
    owned_copies: int | None
    #: Enrichment: genres of the controlled vocabulary, best first.
    final_genres: tuple[str, ...]
    #: Enrichment: whether any genre was found.
    genre_enrichment_success: bool
    #: Enrichment: names of the sources that gave a genre.
    genre_sources: tuple[str, ...]
    #: Enrichment: what was tried, in lines for people.
    enrichment_logs: tuple[str, ...]
    #: Enrichment: https address of the best cover.
    thumbnail_url: str
    #: Enrichment: https address of its small form.
    small_thumbnail_url: str

    # Collectors' columns, in Goodreads exports up to about 2021.

    #: Export, "Recommended For".
    recommended_for: str
    #: Export, "Recommended By".
    recommended_by: str
    #: Export, "Original Purchase Date": free text.
    original_purchase_date: str
    #: Export, "Original Purchase Location".
    original_purchase_location: str
    #: Export, "Condition".
    condition: str
    #: Export, "Condition Description".
    condition_description: str
    #: Export, "BCID": the BookCrossing number.
    bcid: str

    # Computed, as the original system had them.

    #: Computed: always 1; only the latest reading is dated everywhere, so re-reads would skew time series.
    read_count_for_analytics: int
    #: Computed: the reading status is "read", dated or not.
    is_read: bool
    #: Computed: there is a rating above 0.
    is_rated: bool
    #: Computed: year of `date_read`.
    reading_year: int | None
    #: Computed: year and month of `date_read` as "YYYY-MM".
    reading_month_year: str | None
    #: Computed from `num_pages`: below 200, 350, 500, or more.
    page_category: str | None

    #: Computed: `my_review` is not empty.
    has_review: bool
    #: Computed: `read_count_original` is above 1.
    was_reread: bool

    # What the original left out.

    #: Export: 1-based data row.
    row_number: int
    #: Export: "goodreads" or "storygraph".
    source_format: str
    #: Computed: the title without its series.
    clean_title: str
    #: Computed from the title: the first series; the entry keeps all.
    series_name: str
    #: Computed from the title: text, for "2.5", "1-3" and "4, Part 2" are positions.
    series_position: str
    #: Export, "Contributors": names with their roles.
    contributors: tuple[Contributor, ...]
    #: Computed: what the export identified the book by: "isbn13", "isbn10", "asin", "internal", "invalid" or "".
    isbn_kind: str
    #: Computed from the binding: "hardcover", "paperback", "ebook", "audiobook", "other" or "".
    binding_category: str
    #: Export, "Bookshelves with positions": shelf and place on it.
    shelf_positions: tuple[ShelfPosition, ...]
    #: Computed: the reading status is a shelf of the reader's own.
    is_custom_shelf: bool
    #: Computed: "day", "month" or "year"; a first of January or of a month in a Goodreads export counts as padded.
    date_read_precision: str
    #: Computed: days from `date_added` to `date_read`; None when back-filled or when the day is not certain.
    days_on_shelf: int | None
    #: Computed: my rating minus the average.
    rating_delta: Decimal | None
    #: Computed: decade of the work's first year, else of this edition's: 1960 for 1965, -430 for -428.
    publication_decade: int | None
    #: Computed from `goodreads_id`.
    goodreads_url: str
    #: Enrichment, Google Books: id of the accepted volume.
    google_volume_id: str
    #: Enrichment, Open Library: "/works/OL…W".
    openlibrary_work_key: str
    #: Enrichment, Open Library: "/books/OL…M".
    openlibrary_edition_key: str
    #: Enrichment: genres that Google's categories mapped to.
    google_genres: tuple[str, ...]
    #: Enrichment: genres that Open Library's subjects mapped to.
    openlibrary_genres: tuple[str, ...]
    #: Computed: the best of `final_genres`.
    primary_genre: str
    #: Enrichment: when the last answer was applied.
    enriched_at: datetime | None

    @classmethod
    def from_entry(cls, entry: LibraryEntry, enrichment: Enrichment = NOTHING_YET) -> BookAnalytics:
        """Return the analytics of an export's book with what the sources added so far."""
        read_count = max(entry.read_count or 0, 1)
        series = entry.series[0] if entry.series else None
        return cls(
            goodreads_id=entry.goodreads_id,
            title=entry.title,
            author=entry.author,
            author_lf=entry.author_lf,
            additional_authors=entry.additional_authors,
            isbn=entry.isbn10,
            isbn13=entry.isbn13,
            my_rating=entry.my_rating,
            average_rating=entry.average_rating,
            publisher=entry.publisher,
            binding=entry.binding,
            num_pages=entry.num_pages,
            year_published=entry.year_published,
            original_publication_year=entry.original_publication_year,
            date_read=entry.date_read,
            date_added=entry.date_added,
            reading_status=entry.reading_status,
            bookshelves=entry.shelves or entry.tags,
            bookshelves_with_positions=entry.bookshelves_with_positions,
            my_review=entry.my_review,
            private_notes=entry.private_notes,
            has_spoilers=entry.has_spoilers,
            read_count_original=read_count,
            owned_copies=entry.owned_copies,
            final_genres=enrichment.final_genres,
            genre_enrichment_success=bool(enrichment.final_genres),
            genre_sources=enrichment.genre_sources,
            enrichment_logs=enrichment.logs,
            thumbnail_url=enrichment.thumbnail_url,
            small_thumbnail_url=enrichment.small_thumbnail_url,
            recommended_for=entry.recommended_for,
            recommended_by=entry.recommended_by,
            original_purchase_date=entry.original_purchase_date,
            original_purchase_location=entry.original_purchase_location,
            condition=entry.condition,
            condition_description=entry.condition_description,
            bcid=entry.bcid,
            read_count_for_analytics=1,
            is_read=entry.reading_status == "read",
            is_rated=bool(entry.my_rating),
            reading_year=entry.date_read.year if entry.date_read else None,
            reading_month_year=entry.date_read.isoformat()[:7] if entry.date_read else None,
            page_category=categorise_pages(entry.num_pages),
            has_review=bool(entry.my_review),
            was_reread=read_count > 1,
            row_number=entry.number,
            source_format=entry.source_format,
            clean_title=entry.clean_title,
            series_name=series.name if series else "",
            series_position=series.position if series else "",
            contributors=entry.contributors,
            isbn_kind=entry.isbn_kind,
            binding_category=entry.binding_category,
            shelf_positions=entry.shelf_positions,
            is_custom_shelf=entry.is_custom_shelf,
            date_read_precision=entry.date_read_precision,
            days_on_shelf=_days_on_shelf(entry),
            rating_delta=_rating_delta(entry),
            publication_decade=_decade(entry.original_publication_year or entry.year_published),
            goodreads_url=f"https://www.goodreads.com/book/show/{entry.goodreads_id}" if entry.goodreads_id else "",
            google_volume_id=enrichment.google_volume_id,
            openlibrary_work_key=enrichment.openlibrary_work_key,
            openlibrary_edition_key=enrichment.openlibrary_edition_key,
            google_genres=enrichment.google_genres,
            openlibrary_genres=enrichment.openlibrary_genres,
            primary_genre=enrichment.final_genres[0] if enrichment.final_genres else "",
            enriched_at=enrichment.enriched_at,
        )


def categorise_pages(pages: int | None) -> str | None:
    """Return the length category of a book; None when its pages are unknown."""
    if not pages:
        return None
    return next((category for bound, category in _PAGE_CATEGORIES if pages < bound), _LONGEST_CATEGORY)


def _days_on_shelf(entry: LibraryEntry) -> int | None:
    if entry.date_read is None or entry.date_added is None or entry.date_read_precision != "day":
        return None
    days = (entry.date_read - entry.date_added).days
    return days if days >= 0 else None


def _rating_delta(entry: LibraryEntry) -> Decimal | None:
    if entry.my_rating is None or entry.average_rating is None:
        return None
    return entry.my_rating - entry.average_rating


def _decade(year: int | None) -> int | None:
    return year // 10 * 10 if year is not None else None
