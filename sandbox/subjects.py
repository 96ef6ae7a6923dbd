"""Subjects for books whose file has none: what libraries and publishers would say, with the junk that real records carry."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.catalogue import Book
from sandbox.chance import happens, number_of, one_of, some_of
from sandbox.words import words


@dataclass(frozen=True, slots=True)
class Family:
    """Hold how one kind of book is described: words that give it away, library subjects, publishers' paths."""

    clues: frozenset[str]
    subjects: tuple[str, ...]
    paths: tuple[str, ...]


def _family(clues: str, subjects: str, paths: str) -> Family:
    return Family(frozenset(clues.split()), tuple(subjects.split("; ")), tuple(paths.split("; ")))


FAMILIES = (
    _family(
        "fantasy dragon magic wizard witch sword king throne kingdom sorcerer elf",
        "Fantasy; Fantasy fiction; Fiction, fantasy, general; Fiction, fantasy, epic; Magic; Magic -- Fiction; Imaginary places; Fantastique; Quests (Expeditions) -- Fiction",
        "Fiction / Fantasy / Epic; Fiction / Fantasy / General",
    ),
    _family(
        "scifi sf science-fiction space mars robot galaxy planet star alien empire",
        "Science fiction; Fiction, science fiction, general; Fiction, science fiction, space opera; Life on other planets -- Fiction; Space colonies; American Science fiction; Ciencia-ficción; Extraterrestrial beings",
        "Fiction / Science Fiction / General; Fiction / Science Fiction / Space Opera",
    ),
    _family(
        "mystery detective murder crime thriller noir killer suspense death",
        "Mystery fiction; Detective and mystery stories; Fiction, mystery & detective, general; Fiction, thrillers, suspense; Murder -- Investigation -- Fiction; Police; Kriminalroman; Suspense fiction",
        "Fiction / Mystery & Detective / General; Fiction / Thrillers / Suspense",
    ),
    _family(
        "history war empire revolution century civil world-war roman ancient battle",
        "History; World history; History, Modern; World War, 1939-1945; Civilization -- History; Military history; Politics and government; Histoire; Social conditions",
        "History / World; History / Military / General",
    ),
    _family(
        "biography memoir life diary autobiography memoirs letters",
        "Biography; Autobiography; Biography & Autobiography; Memoirs; Authors, American -- Biography; Biographies; Personal memoirs",
        "Biography & Autobiography / Personal Memoirs; Biography & Autobiography / Literary Figures",
    ),
    _family(
        "science physics biology evolution universe nature brain genes quantum",
        "Science; Popular works; Natural history; Evolution (Biology); Cosmology; Science -- Philosophy; Physics; Sciences",
        "Science / General; Science / Life Sciences / Evolution",
    ),
    _family(
        "programming software computer code python design data engineering agile",
        "Computer programming; Computer software -- Development; Software engineering; Computers; Programming Languages; Informatique",
        "Computers / Programming / General; Computers / Software Development & Engineering / General",
    ),
    _family(
        "business money startup economics management leadership work marketing",
        "Business; Economics; Management; Success in business; Leadership; Business & Economics; Entrepreneurship; Wirtschaft",
        "Business & Economics / Management; Business & Economics / Economics / General",
    ),
    _family(
        "philosophy stoic ethics meaning wisdom meditations republic",
        "Philosophy; Ethics; Philosophy, Ancient; Conduct of life; Stoics; Philosophie",
        "Philosophy / General; Philosophy / Ethics & Moral Philosophy",
    ),
    _family(
        "psychology habits mind thinking happiness self-help productivity power",
        "Psychology; Self-actualization (Psychology); Decision making; Habit; Cognitive psychology; Self-help techniques; Psychologie",
        "Psychology / Cognitive Psychology & Cognition; Self-Help / Personal Growth / General",
    ),
    _family(
        "romance love heart wedding bride duke kiss",
        "Romance fiction; Love stories; Fiction, romance, general; Man-woman relationships -- Fiction; Liebesroman; Women -- Fiction",
        "Fiction / Romance / Contemporary; Fiction / Romance / General",
    ),
    _family(
        "horror ghost vampire haunted monster terror zombie",
        "Horror; Horror tales; Fiction, horror; Ghost stories; Supernatural -- Fiction; Horreur",
        "Fiction / Horror; Fiction / Ghost",
    ),
    _family(
        "poetry poems verse sonnets haiku",
        "Poetry; American poetry; Poetry (poetic works by one author); Poésie; Poems",
        "Poetry / General; Poetry / American / General",
    ),
    _family(
        "comics graphic manga batman spider vol",
        "Comic books, strips; Graphic novels; Comics & Graphic Novels; Cartoons and comics; Bandes dessinées",
        "Comics & Graphic Novels / General; Comics & Graphic Novels / Literary",
    ),
    _family(
        "ya children kids juvenile young school teen picture",
        "Juvenile fiction; Children's fiction; Children's stories; Young adult fiction; Friendship -- Fiction; Schools -- Fiction; Bildungsromans",
        "Juvenile Fiction / General; Young Adult Fiction / General",
    ),
    _family(
        "novel fiction classics literary literature stories",
        "Fiction; Fiction, general; Fiction, literary; Literature; English fiction; American fiction; Roman; Ficción; Domestic fiction; Families -- Fiction",
        "Fiction / Literary; Fiction / Classics",
    ),
)

#: Said of books by machines and programmes, and of no use to a reader.
JUNK = (
    "Accessible book",
    "Protected DAISY",
    "In library",
    "Large type books",
    "Open Library Staff Picks",
    "Long Now Manual for Civilization",
    "Reading Level-Grade 11",
    "Reading Level-Grade 12",
    "New York Times reviewed",
    "New York Times bestseller",
    "nyt:trade-fiction-paperback=2011-06-18",
    "nyt:combined-print-and-e-book-fiction=2014-03-02",
    "nyt:hardcover-nonfiction=2018-04-22",
    "award:hugo_award=novel",
    "collectionID:ebsco",
    "series:invented_series",
    "Overdrive",
    "20th century",
    "Translations into Russian",
    "General",
    "bestseller",
    "Audiobooks",
)


def family_of(book: Book) -> Family:
    """Return the kind of a book: by its shelves, else by its title, else one and the same for all books of its author."""
    for text in (" ".join(book.shelves), book.title):
        hints = {*text.casefold().split(), *words(text)}
        for family in FAMILIES:
            if family.clues & hints:
                return family
    return one_of(FAMILIES, "family", book.author.casefold())


def subjects_of(book: Book, seed: int) -> tuple[str, ...]:
    """Return the subjects that libraries give a book: its file's where it has any, invented ones with junk otherwise."""
    if book.subjects:
        return book.subjects
    family = family_of(book)
    count = 2 + number_of(seed, book.identity, "how many subjects") % 5
    found = some_of(family.subjects, count, seed, book.identity, "subjects")
    if happens(0.25, seed, book.identity, "path among subjects"):
        found.append(family.paths[0].upper())
    return (*found, *some_of(JUNK, number_of(seed, book.identity, "how much junk") % 4, seed, book.identity, "junk"))


def paths_of(book: Book, seed: int) -> tuple[str, ...]:
    """Return the publishers' categories of a book ("Fiction / Fantasy / Epic"), the fullest form there is."""
    return tuple(some_of(_family_by_subjects(book).paths, 1 + number_of(seed, book.identity, "paths") % 2, seed, book.identity, "path"))


def _family_by_subjects(book: Book) -> Family:
    if not book.subjects:
        return family_of(book)
    said = {*(word for subject in book.subjects for word in words(subject)), *(subject.casefold() for subject in book.subjects)}
    return max(FAMILIES, key=lambda family: len(said & family.clues) + sum(subject.casefold() in said for subject in family.subjects))
