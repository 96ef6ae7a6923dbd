"""Rows with a known right answer, and what a careless search would answer instead."""

from __future__ import annotations

import csv
import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from enrichment.formats.isbn import to_isbn13
from enrichment.matching import Wanted
from enrichment.sources.facts import EditionFacts

#: title | author | first year | pages; series of one author stand together, because their volumes are the hardest decoys.
WELL_KNOWN = """
Dune (Dune, #1)|Frank Herbert|1965|604
Dune Messiah (Dune, #2)|Frank Herbert|1969|331
Children of Dune (Dune, #3)|Frank Herbert|1976|408
Foundation (Foundation, #1)|Isaac Asimov|1951|244
Foundation and Empire (Foundation, #2)|Isaac Asimov|1952|247
Second Foundation (Foundation, #3)|Isaac Asimov|1953|256
Foundation's Edge (Foundation, #4)|Isaac Asimov|1982|450
I, Robot (Robot, #0.1)|Isaac Asimov|1950|224
The Fellowship of the Ring (The Lord of the Rings, #1)|J.R.R. Tolkien|1954|432
The Two Towers (The Lord of the Rings, #2)|J.R.R. Tolkien|1954|352
The Return of the King (The Lord of the Rings, #3)|J.R.R. Tolkien|1955|404
The Hobbit|J.R.R. Tolkien|1937|366
Harry Potter and the Chamber of Secrets (Harry Potter, #2)|J.K. Rowling|1998|341
Harry Potter and the Goblet of Fire (Harry Potter, #4)|J.K. Rowling|2000|734
Harry Potter and the Deathly Hallows (Harry Potter, #7)|J.K. Rowling|2007|759
Naruto, Vol. 1 (Naruto, #1)|Masashi Kishimoto|2000|192
Naruto, Vol. 2 (Naruto, #2)|Masashi Kishimoto|2000|216
Naruto, Vol. 12 (Naruto, #12)|Masashi Kishimoto|2002|192
The Walking Dead, Vol. 1: Days Gone Bye|Robert Kirkman|2004|144
The Walking Dead, Vol. 2: Miles Behind Us|Robert Kirkman|2004|136
Rendezvous with Rama (Rama, #1)|Arthur C. Clarke|1973|243
Rama II (Rama, #2)|Arthur C. Clarke|1989|466
2001: A Space Odyssey (Space Odyssey, #1)|Arthur C. Clarke|1968|297
2010: Odyssey Two (Space Odyssey, #2)|Arthur C. Clarke|1982|320
Ender's Game (Ender's Saga, #1)|Orson Scott Card|1985|324
Ender's Shadow (The Shadow Series, #1)|Orson Scott Card|1999|469
Alien|Alan Dean Foster|1979|270
Aliens|Alan Dean Foster|1986|247
Mistborn: The Final Empire (Mistborn, #1)|Brandon Sanderson|2006|541
Mistborn: Secret History (Mistborn, #3.5)|Brandon Sanderson|2016|160
The Well of Ascension (Mistborn, #2)|Brandon Sanderson|2007|590
Mort (Discworld, #4; Death, #1)|Terry Pratchett|1987|243
Small Gods (Discworld, #13)|Terry Pratchett|1992|389
Good Omens: The Nice and Accurate Prophecies of Agnes Nutter, Witch|Terry Pratchett|1990|491
1984|George Orwell|1949|298
Animal Farm|George Orwell|1945|141
Homage to Catalonia|George Orwell|1938|232
Slaughterhouse-Five|Kurt Vonnegut Jr.|1969|275
Cat's Cradle|Kurt Vonnegut Jr.|1963|179
One Hundred Years of Solitude|Gabriel García Márquez|1967|417
Love in the Time of Cholera|Gabriel García Márquez|1985|348
Crime and Punishment|Fyodor Dostoyevsky|1866|671
The Brothers Karamazov|Fyodor Dostoyevsky|1880|796
The Idiot|Fyodor Dostoyevsky|1869|667
War and Peace|Leo Tolstoy|1869|1392
Anna Karenina|Leo Tolstoy|1878|964
The Cherry Orchard|Anton Chekhov|1904|104
Les Misérables|Victor Hugo|1862|1463
Madame Bovary|Gustave Flaubert|1856|329
The Count of Monte Cristo|Alexandre Dumas|1846|1276
The Three Musketeers|Alexandre Dumas|1844|625
Candide|Voltaire|1759|129
The Republic|Plato|-375|416
The Odyssey|Homer|-700|541
The Iliad|Homer|-750|683
Frankenstein: The 1818 Text|Mary Wollstonecraft Shelley|1818|260
Pride and Prejudice|Jane Austen|1813|279
Sense and Sensibility|Jane Austen|1811|409
Persuasion|Jane Austen|1817|249
Jane Eyre|Charlotte Brontë|1847|532
Wuthering Heights|Emily Brontë|1847|464
Moby-Dick or, the Whale|Herman Melville|1851|654
The Adventures of Huckleberry Finn|Mark Twain|1884|327
The Adventures of Tom Sawyer|Mark Twain|1876|244
The Great Gatsby|F. Scott Fitzgerald|1925|180
Tender Is the Night|F. Scott Fitzgerald|1934|317
The Sun Also Rises|Ernest Hemingway|1926|189
The Old Man and the Sea|Ernest Hemingway|1952|96
Norwegian Wood|Haruki Murakami|1987|296
Kafka on the Shore|Haruki Murakami|2002|467
1Q84 (1Q84, #1-3)|Haruki Murakami|2009|925
The Three-Body Problem (Remembrance of Earth's Past, #1)|Liu Cixin|2006|399
The Dark Forest (Remembrance of Earth's Past, #2)|Liu Cixin|2008|512
The Left Hand of Darkness|Ursula K. Le Guin|1969|304
The Dispossessed: An Ambiguous Utopia|Ursula K. Le Guin|1974|387
A Wizard of Earthsea (Earthsea Cycle, #1)|Ursula K. Le Guin|1968|183
Sapiens: A Brief History of Humankind|Yuval Noah Harari|2011|443
Homo Deus: A History of Tomorrow|Yuval Noah Harari|2015|450
Thinking, Fast and Slow|Daniel Kahneman|2011|499
Guns, Germs, and Steel: The Fates of Human Societies|Jared Diamond|1997|498
Collapse: How Societies Choose to Fail or Succeed|Jared Diamond|2005|608
The Selfish Gene|Richard Dawkins|1976|360
The God Delusion|Richard Dawkins|2006|374
A Brief History of Time|Stephen Hawking|1988|226
Cosmos|Carl Sagan|1980|384
Contact|Carl Sagan|1985|580
The Structure of Scientific Revolutions|Thomas S. Kuhn|1962|226
Gödel, Escher, Bach: An Eternal Golden Braid|Douglas R. Hofstadter|1979|777
The Pragmatic Programmer: From Journeyman to Master|Andy Hunt|1999|321
Design Patterns: Elements of Reusable Object-Oriented Software|Erich Gamma|1994|395
The C Programming Language|Brian W. Kernighan|1978|274
The Art of War|Sun Tzu|-500|273
The Prince|Niccolò Machiavelli|1532|140
Meditations|Marcus Aurelius|180|254
Beloved|Toni Morrison|1987|324
Song of Solomon|Toni Morrison|1977|337
The Handmaid's Tale (The Handmaid's Tale, #1)|Margaret Atwood|1985|314
The Testaments (The Handmaid's Tale, #2)|Margaret Atwood|2019|422
Wolf Hall (Thomas Cromwell, #1)|Hilary Mantel|2009|653
Bring Up the Bodies (Thomas Cromwell, #2)|Hilary Mantel|2012|432
Gone Girl|Gillian Flynn|2012|399
Sharp Objects|Gillian Flynn|2006|254
The Girl with the Dragon Tattoo (Millennium, #1)|Stieg Larsson|2005|480
The Girl Who Played with Fire (Millennium, #2)|Stieg Larsson|2006|503
It|Stephen King|1986|1116
The Shining (The Shining, #1)|Stephen King|1977|497
The Stand|Stephen King|1978|1153
Emma|Jane Austen|1815|474
Steppenwolf|Hermann Hesse|1927|237
Siddhartha|Hermann Hesse|1922|152
The Metamorphosis|Franz Kafka|1915|201
The Trial|Franz Kafka|1925|255
Мастер и Маргарита|Михаил Булгаков|1967|480
Собачье сердце|Михаил Булгаков|1925|190
容疑者Xの献身|東野 圭吾|2005|394
شازده احتجاب|هوشنگ گلشیری|1969|118
Fahrenheit 451|Ray Bradbury|1953|227
The Martian Chronicles|Ray Bradbury|1950|182
Catch-22|Joseph Heller|1961|453
The Road|Cormac McCarthy|2006|241
Blood Meridian, or, the Evening Redness in the West|Cormac McCarthy|1985|351
"""

_DECOYS = (
    "Summary of {}",
    "{}: Study Guide",
    "{} (SparkNotes Literature Guide)",
    "{}: A BookCaps Study Guide",
    "A Companion to {}",
    "{} Boxed Set",
)
_DECOYS += ("The {} Omnibus", "{}: The Graphic Novel", "{} Returns", "Beyond {}", "The Making of {}", "{}: Teacher's Guide", "{} Journal")
_OTHER_AUTHORS = (
    "Lynn Whitaker",
    "Pedro Salgado",
    "Ingrid Halvorsen",
    "T. J. Okafor",
    "Marie-Claire Dupuis",
    "Wen Jiabao Lu",
    "R. Chatterjee",
)


@dataclass(frozen=True, slots=True)
class Known:
    """Hold one book as an export names it, with its true facts."""

    title: str
    author: str
    additional: tuple[str, ...]
    facts: EditionFacts


@dataclass(frozen=True, slots=True)
class Planted:
    """Hold a row, what a source found for it, and the only right record (None when none of them is)."""

    kind: str
    wanted: Wanted
    found: tuple[EditionFacts, ...]
    right: EditionFacts | None


def well_known() -> list[Known]:
    """Return the books of the list above, as a source records them: title and subtitle apart, no series."""
    rows = (line.split("|") for line in WELL_KNOWN.strip().splitlines())
    return [_known(number, title, author, (), int(year), int(pages)) for number, (title, author, year, pages) in enumerate(rows)]


def of_exports(folder: Path) -> list[Known]:
    """Return the distinct books of the Goodreads exports in a folder that the list above does not have."""
    books = {_identity(book.title, book.author): book for book in well_known()}
    listed = len(books)
    for path in sorted(folder.glob("goodreads_*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                title, author = " ".join(row["Title"].split()), " ".join(row["Author"].split())
                additional = tuple(name.strip() for name in row["Additional Authors"].split(",") if name.strip())
                year, pages = _integer(row["Original Publication Year"]), _integer(row["Number of Pages"])
                books.setdefault(_identity(title, author), _known(1000 + len(books), title, author, additional, year, pages))
    return list(books.values())[listed:]


def plant(books: Sequence[Known], chance: random.Random) -> Iterator[Planted]:
    """Yield for each book the rows an export may hold and the answers, right and wrong, that may come back."""
    by_author: defaultdict[str, list[Known]] = defaultdict(list)
    for book in books:
        by_author[book.author].append(book)
    for book in books:
        siblings = [other.facts for other in by_author[book.author] if not _may_be_one_work(book, other)]
        chance.shuffle(siblings)
        wanted, truth = _wanted(book, chance), _as_another_edition(book.facts, chance)
        decoys = [*siblings[:5], *_look_alikes(book, chance), _same_title_other_author(book, chance)]
        chance.shuffle(decoys)
        stranger = chance.choice(books)
        while stranger.author == book.author:
            stranger = chance.choice(books)
        by_isbn = replace(wanted, isbn13=book.facts.isbns[0])
        by_wrong_isbn = replace(wanted, isbn13=stranger.facts.isbns[0])
        yield Planted("by ISBN", by_isbn, (book.facts,), book.facts)
        yield Planted("by title, alone", wanted, (truth,), truth)
        yield Planted("by title, among decoys", wanted, (*decoys, truth), truth)
        yield Planted("wrong ISBN", by_wrong_isbn, (stranger.facts,), None)
        yield Planted("wrong ISBN, then by title", by_wrong_isbn, (stranger.facts, *decoys, truth), truth)
        yield Planted("look-alikes only", wanted, tuple(decoys), None)
        yield Planted("same title, other author", wanted, (_same_title_other_author(book, chance),), None)
        if siblings:
            yield Planted("ISBN of the author's other book", replace(wanted, isbn13=siblings[0].isbns[0]), (siblings[0],), None)


def _known(number: int, title: str, author: str, additional: tuple[str, ...], year: int | None, pages: int | None) -> Known:
    plain = _without_parentheses(title)
    main, _, subtitle = plain.partition(": ")
    facts = EditionFacts(
        source="open_library",
        key=f"/books/OL{number}M",
        title=main,
        subtitle=subtitle,
        authors=(author, *additional),
        isbns=(to_isbn13(f"{600_000_000 + number}0"),),
        first_year=year,
        pages=pages,
        work_key=f"/works/OL{number}W",
    )
    return Known(title, author, additional, facts)


def _may_be_one_work(one: Known, other: Known) -> bool:
    """Tell whether two entries of one author cannot be told apart for sure: a subtitle more or less, or a translation."""
    if one.facts.title.isascii() != other.facts.title.isascii():
        return True
    same_title = _identity(one.facts.title, "") == _identity(other.facts.title, "")
    return same_title and (one is other or not one.facts.subtitle or not other.facts.subtitle)


def _identity(title: str, author: str) -> str:
    """Return what two spellings of one book share: letters and digits, nothing else."""
    return "".join(filter(str.isalnum, _plain_letters(f"{_without_parentheses(title).removeprefix('The ')}{author}").casefold()))


def _wanted(book: Known, chance: random.Random) -> Wanted:
    """Return the book as a row with light noise: what services and people write differently without meaning another book."""
    title, author = book.title, book.author
    if chance.random() < 0.3:
        title = _without_parentheses(title)
    if chance.random() < 0.15:
        title = title.replace(" and ", " & ")
    if chance.random() < 0.15:
        title = _plain_letters(title)
    if chance.random() < 0.1:
        title = title.upper() if chance.random() < 0.5 else title.lower()
    if chance.random() < 0.1 and title.startswith("The "):
        title = f"{_without_parentheses(title)[4:]}, The"
    if chance.random() < 0.2:
        author = _plain_letters(author)
    if chance.random() < 0.15 and len(names := author.split()) > 1:
        author = chance.choice((f"{names[-1]}, {' '.join(names[:-1])}", f"{names[0][0]}. {' '.join(names[1:])}", author.replace(".", ". ")))
    return Wanted(title, author, book.additional, year=book.facts.first_year, pages=book.facts.pages)


def _as_another_edition(facts: EditionFacts, chance: random.Random) -> EditionFacts:
    """Return the right record as another edition of the work: other ISBN, year and length, subtitle in the title, dropped or kept."""
    number = int(facts.key.removeprefix("/books/OL").removesuffix("M"))
    title, subtitle = facts.title, facts.subtitle
    if subtitle and chance.random() < 0.3:
        title, subtitle = f"{title}: {subtitle}", ""
    elif len(subtitle.split()) > 3 and chance.random() < 0.3:
        subtitle = ""
    elif not subtitle and chance.random() < 0.2:
        subtitle = "a novel"
    authors = list(facts.authors)
    chance.shuffle(authors)
    return replace(
        facts,
        key=f"/books/OL{number + 500_000}M",
        title=title,
        subtitle=subtitle,
        authors=tuple(authors),
        isbns=(to_isbn13(f"{700_000_000 + number}0"),),
        year=facts.first_year + chance.randint(0, 40) if facts.first_year else None,
        first_year=None if chance.random() < 0.3 else facts.first_year,
        pages=facts.pages and max(1, int(facts.pages * chance.uniform(0.85, 1.15))),
    )


def _look_alikes(book: Known, chance: random.Random) -> Iterator[EditionFacts]:
    for number, template in enumerate(chance.sample(_DECOYS, 4)):
        # Study guides are often catalogued under the author they explain.
        authors = book.facts.authors if chance.random() < 0.5 else (chance.choice(_OTHER_AUTHORS),)
        yield EditionFacts(
            "open_library", f"/books/OL9{number}M", template.format(book.facts.title), authors=authors, pages=book.facts.pages
        )


def _same_title_other_author(book: Known, chance: random.Random) -> EditionFacts:
    return replace(book.facts, key="/books/OL99M", work_key="/works/OL99W", authors=(chance.choice(_OTHER_AUTHORS),), isbns=())


def _without_parentheses(title: str) -> str:
    return re.sub(r"\s*\([^()]*#[^()]*\)$", "", title)


def _plain_letters(text: str) -> str:
    if not re.search("[a-z]", text):
        return text
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def _integer(text: str) -> int | None:
    try:
        return int(float(text)) or None
    except ValueError:
        return None
