"""What one source holds of the catalogue: works and editions, with the gaps and mistakes that real sources have."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from sandbox.catalogue import Book, Catalogue
from sandbox.chance import happens, number_of, one_of
from sandbox.isbn import invented_isbn13
from sandbox.subjects import paths_of, subjects_of
from sandbox.words import holds_phrase, words

# Shares of the works of the catalogue that a source gets wrong, each decided by itself.
MISSING_EVERYWHERE = 0.02
MISSING = 0.06
MISTITLED = 0.03
OTHER_EDITION = 0.05
TRANSLATION_ONLY = 0.02
NO_CATEGORIES = 0.08
NO_COVER = 0.08
MERGED = 0.04
LOOK_ALIKE = 0.04
STUDY_GUIDE = 0.04

#: Code, as Open Library writes languages, and what is put behind the title.
TRANSLATIONS = (("spa", "Spanish Edition"), ("fre", "French Edition"), ("ger", "German Edition"), ("ita", "Italian Edition"))
#: Authors of the look-alikes and study guides, who exist nowhere else.
INVENTED_AUTHORS = (
    "Marion Underhollow",
    "Tobias Quillfeather",
    "Agnes Pemberwick",
    "Ludovic Starrengard",
    "Orla Brackenvale",
    "Casimir Dunleighton",
)
PUBLISHER_OF_IMITATIONS = "Invented Notes Press"
PAGES_OF_IMITATIONS = 64
STUDY_GUIDES = ("Summary of {}", "Study Guide: {}", "{}: A Reader's Companion", "Analysis of {} by {}")


@dataclass(eq=False, slots=True)
class Edition:
    """Hold a source's record of an edition."""

    number: int
    work: Work
    title: str
    isbn13: str
    book: Book
    language: str
    has_cover: bool = True

    @property
    def publisher(self) -> str:
        return self.book.publisher if self.work.identity is not None else PUBLISHER_OF_IMITATIONS

    @property
    def pages(self) -> int | None:
        return self.book.pages if self.work.identity is not None else PAGES_OF_IMITATIONS

    @property
    def year(self) -> int | None:
        """Return the year of this edition; None for years that sources cannot write."""
        year = self.book.year or self.work.first_year
        return year if year and year >= 1000 else None


@dataclass(eq=False, slots=True)
class Work:
    """Hold a source's record of a work and its editions."""

    number: int
    title: str
    authors: tuple[str, ...]
    subjects: tuple[str, ...]
    #: Publishers' categories, fullest form.
    paths: tuple[str, ...]
    first_year: int | None
    #: The work of the catalogue this is a record of; None for look-alikes and study guides.
    identity: int | None
    #: What a search puts first: planted records stand before what they imitate.
    rank: int = 1
    #: The number this record had before it was merged with another, None when it never was.
    merged_from: int | None = None
    editions: list[Edition] = field(default_factory=list)
    title_words: tuple[str, ...] = ()
    author_words: frozenset[str] = frozenset()


class Holdings:
    """Hold and find one source's works; `name` makes its mistakes its own."""

    def __init__(self, name: str, catalogue: Catalogue) -> None:
        self._name = name
        self._seed = catalogue.seed
        self.works: dict[int, Work] = {}
        self.editions: dict[int, Edition] = {}
        self.by_isbn: dict[str, Edition] = {}
        self.by_identity: dict[int, Work] = {}
        self._by_title_word: defaultdict[str, set[Work]] = defaultdict(set)
        self._by_author_word: defaultdict[str, set[Work]] = defaultdict(set)
        for identity, books in catalogue.editions_by_work.items():
            if not happens(MISSING_EVERYWHERE, self._seed, "missing everywhere", identity) and not self._befalls(
                MISSING, "missing", identity
            ):
                self._take_in(identity, books)

    def _befalls(self, share: float, what: str, *about: object) -> bool:
        return happens(share, self._seed, self._name, what, *about)

    def _number(self, taken: dict[int, Work] | dict[int, Edition], *about: object) -> int:
        number = 10**8 + number_of(self._seed, self._name, *about) % 10**10
        while number in taken:
            number += 1
        return number

    def _take_in(self, identity: int, books: list[Book]) -> None:
        book = max(books, key=lambda book: len(book.subjects))
        title = book.full_title
        if self._befalls(MISTITLED, "mistitled", identity):
            title = one_of((_without_a_letter(title), f"{title}: A Novel", title.lower(), title.removeprefix("The ")), self._seed, identity)
        bare = self._befalls(NO_CATEGORIES, "no categories", identity)
        work = self._add_work(
            title,
            (book.author, *book.contributors[:1]) if self._befalls(0.5, "contributor", identity) else (book.author,),
            identity,
            subjects=() if bare else subjects_of(book, self._seed),
            paths=() if bare else paths_of(book, self._seed),
            first_year=book.first_year or book.year,
            about=("work", identity),
        )
        if self._befalls(MERGED, "merged", identity):
            work.merged_from = self._number(self.works, "merged work", identity)
        if self._befalls(TRANSLATION_ONLY, "translation", identity):
            language, behind = one_of(TRANSLATIONS, self._seed, identity)
            self._add_edition(work, f"{title} ({behind})", books[0], isbn13=self._other_isbn(books[0]), language=language)
        else:
            for edition in books:
                other = self._befalls(OTHER_EDITION, "other edition", edition.edition_identity)
                self._add_edition(work, title, edition, isbn13=self._other_isbn(edition) if other else edition.isbn13)
        self._plant_imitations(book)

    def _plant_imitations(self, book: Book) -> None:
        author = one_of(INVENTED_AUTHORS, self._seed, self._name, book.identity)
        if self._befalls(LOOK_ALIKE, "look-alike", book.identity):
            self._plant(book, book.full_title, author, about="look-alike")
        if self._befalls(STUDY_GUIDE, "study guide", book.identity):
            title = one_of(STUDY_GUIDES, self._seed, book.identity).format(book.full_title, book.author)
            # Study guides are often filed under the author of what they explain.
            self._plant(book, title, book.author if self._befalls(0.4, "filed under", book.identity) else author, about="study guide")

    def _plant(self, book: Book, title: str, author: str, *, about: str) -> None:
        work = self._add_work(
            title, (author,), None, subjects=("Study guides", "Criticism"), paths=("Study Aids / Book Notes",), about=(about, book.identity)
        )
        work.rank = 0
        self._add_edition(work, title, book, isbn13=invented_isbn13(number_of(self._seed, about, book.identity)))

    def _other_isbn(self, book: Book) -> str:
        return invented_isbn13(number_of(self._seed, self._name, "other edition", book.edition_identity))

    def _add_work(
        self,
        title: str,
        authors: tuple[str, ...],
        identity: int | None,
        *,
        subjects: tuple[str, ...],
        paths: tuple[str, ...],
        about: tuple[object, ...],
        first_year: int | None = None,
    ) -> Work:
        work = Work(self._number(self.works, *about), title, authors, subjects, paths, first_year, identity)
        work.title_words = words(title)
        work.author_words = frozenset(word for author in authors for word in words(author))
        self.works[work.number] = work
        for word in work.title_words:
            self._by_title_word[word].add(work)
        for word in work.author_words:
            self._by_author_word[word].add(work)
        if identity is not None:
            self.by_identity[identity] = work
        return work

    def _add_edition(self, work: Work, title: str, book: Book, *, isbn13: str, language: str = "") -> None:
        number = self._number(self.editions, "edition", work.number, book.edition_identity)
        edition = Edition(number, work, title, isbn13, book, language or book.language)
        edition.has_cover = not self._befalls(NO_COVER, "no cover", number)
        work.editions.append(edition)
        self.editions[number] = edition
        if isbn13:
            self.by_isbn.setdefault(isbn13, edition)

    def with_title(self, text: str, *, phrase: bool) -> set[Work]:
        """Return the works with all these words in the title, side by side where they are a phrase."""
        wanted = words(text)
        found = _in_all(self._by_title_word, wanted)
        return {work for work in found if holds_phrase(work.title_words, wanted)} if phrase else found

    def with_author(self, text: str) -> set[Work]:
        """Return the works by an author whose name has all these words."""
        return _in_all(self._by_author_word, words(text))

    def with_words(self, text: str) -> set[Work]:
        """Return the works with each of these words in title or author."""
        wanted = words(text)
        found = [self._by_title_word.get(word, set()) | self._by_author_word.get(word, set()) for word in wanted]
        return set.intersection(*found) if found else set()


def in_search_order(works: set[Work]) -> list[Work]:
    """Return works as a search shows them: what was planted, then the shorter title, then by number."""
    return sorted(works, key=lambda work: (work.rank, len(work.title_words), work.number))


def _in_all(index: defaultdict[str, set[Work]], wanted: tuple[str, ...]) -> set[Work]:
    return set.intersection(*(index.get(word, set()) for word in wanted)) if wanted else set()


def _without_a_letter(title: str) -> str:
    place = len(title) // 2
    return title[:place] + title[place + 1 :] if len(title) > 4 else title
