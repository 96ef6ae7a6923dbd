"""Goodreads exports: each real file with its oddities, and each rule by a row of our own."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from enrichment.formats import BadRow, LibraryEntry, Read, Series, ShelfPosition, open_export
from tests.shared_data import shared_path

from .exports import goodreads, only_bad_row, only_entry


@dataclass(frozen=True)
class RealFile:
    """State what is known of one real export, counted apart from our reader."""

    name: str
    generation: str
    rows: int
    read: int
    rated: int
    with_isbn: int
    first_title: str
    last_id: str


REAL_FILES = [
    RealFile("goodreads_23col_98rows_cyrillic.csv", "23", 98, 85, 80, 75, "Аэропорт", "58688819"),
    RealFile("goodreads_24col_289rows_before.csv", "24", 289, 256, 88, 221, "Illuminations", "17333324"),
    RealFile("goodreads_24col_300rows_after.csv", "24", 300, 267, 88, 230, "Eyes of the Void (The Final Architecture, #2)", "17333324"),
    RealFile(
        "goodreads_24col_315rows.csv", "24", 315, 72, 71, 274, "Deep Work: Rules for Focused Success in a Distracted World", "27213329"
    ),
    RealFile(
        "goodreads_24col_358rows_same-reader-as-storygraph.csv",
        "24",
        358,
        16,
        9,
        302,
        "The Silk Roads: A New History of the World",
        "664652",
    ),
    RealFile(
        "goodreads_31col_266rows_persian.csv",
        "31",
        266,
        189,
        175,
        219,
        "Self-Made Man: One Woman's Journey Into Manhood and Back Again",
        "68591",
    ),
    RealFile("goodreads_31col_326rows_html-reviews.csv", "31", 326, 257, 253, 184, "Warbreaker (Warbreaker, #1)", "5907"),
    RealFile("goodreads_31col_565rows.csv", "31", 565, 392, 389, 301, "Senlin Ascends (The Books of Babel, #1)", "31979"),
    RealFile(
        "goodreads_31col_829rows.csv",
        "31",
        829,
        610,
        606,
        772,
        "Gay New York: Gender, Urban Culture, and the Making of the Gay Male World 1890-1940",
        "2973210",
    ),
    RealFile(
        "mangled_no-header_crlf_811rows.csv",
        "24",
        812,
        155,
        154,
        576,
        "Village Christmas: And Other Notes on the English Year (Penguin Modern Classics)",
        "8908",
    ),
    RealFile("mangled_space-padded_23col_112rows.csv", "23", 112, 14, 72, 73, "Raintree County", "9777"),
]


def real_books(name: str) -> list[LibraryEntry]:
    """Return the books of a real export, which all have no bad row."""
    with shared_path("data", "exports", name).open("rb") as stream:
        rows = list(open_export(stream, name=name, max_bytes=50_000_000, max_rows=100_000))
    assert not [row for row in rows if isinstance(row, BadRow)]
    return [row for row in rows if isinstance(row, LibraryEntry)]


def find(books: list[LibraryEntry], title: str) -> LibraryEntry:
    [book] = [book for book in books if book.title == title]
    return book


@pytest.mark.shared
@pytest.mark.parametrize("known", REAL_FILES, ids=lambda known: known.name)
def test_it_reads_every_book_of_a_real_file(known):
    with shared_path("data", "exports", known.name).open("rb") as stream:
        assert open_export(stream, max_bytes=50_000_000, max_rows=100_000).generation == known.generation
    books = real_books(known.name)

    assert len(books) == known.rows
    assert [book.number for book in books] == list(range(1, known.rows + 1))
    assert sum(book.reading_status == "read" for book in books) == known.read
    assert sum(book.my_rating is not None for book in books) == known.rated
    assert sum(bool(book.isbn13) for book in books) == known.with_isbn
    assert books[0].title == known.first_title
    assert books[-1].goodreads_id == known.last_id
    assert all(book.author and book.goodreads_id for book in books)
    assert [LibraryEntry.from_json(book.to_json()) for book in books] == books


@pytest.mark.shared
def test_it_keeps_the_oddities_of_the_cyrillic_file():
    books = real_books("goodreads_23col_98rows_cyrillic.csv")

    bands = find(books, "Браслеты Скорби (Двурожденные #3)")
    assert bands.series == (Series("Двурожденные", "3"),)
    rhythm = find(books, "Ритм войны. Том 2 (The Stormlight Archive, #4, Part 2)")
    assert (rhythm.clean_title, rhythm.series) == ("Ритм войны. Том 2", (Series("The Stormlight Archive", "4, Part 2"),))
    assert find(books, "Ґудзики та ненависть. Книга 2 (Ukrainian Edition)").series == ()
    solitude = find(books, "Сто лет одиночества")
    assert (solitude.reading_status, solitude.is_custom_shelf) == ("stopped-reading", True)
    assert all(book.average_rating is None for book in books)
    [warning] = [warning for book in books for warning in book.warnings]
    assert "504383479X" in warning.detail and "9785386145408" in warning.detail


@pytest.mark.shared
def test_it_reads_the_same_books_ten_weeks_later():
    before = {book.goodreads_id for book in real_books("goodreads_24col_289rows_before.csv")}
    after = {book.goodreads_id for book in real_books("goodreads_24col_300rows_after.csv")}
    assert (len(before), len(after), len(before & after)) == (289, 300, 289)


@pytest.mark.shared
def test_it_takes_neither_an_asin_nor_a_short_number_for_an_isbn():
    books = real_books("goodreads_24col_289rows_before.csv")
    asin = find(books, "Whispers from the Abyss")
    assert (asin.isbn_kind, asin.uid, asin.isbn13) == ("asin", "B00FU0M3ZU", "")
    short = find(books, "Mindwalker")
    assert (short.isbn_kind, short.uid, short.isbn13) == ("invalid", "978152939268", "")
    thud = find(books, "Thud! (Discworld, #34; City Watch, #7)")
    assert thud.series == (Series("Discworld", "34"), Series("City Watch", "7"))
    assert sum(book.reading_status == "read" and book.date_read is None for book in books) == 137


@pytest.mark.shared
def test_it_keeps_chinese_titles_old_years_and_tiny_audiobooks():
    books = real_books("goodreads_24col_315rows.csv")
    assert find(books, "悉达多").author == "Hermann Hesse"
    assert find(books, "Meditations").original_publication_year == 180
    drive = find(books, "Drive: The Surprising Truth About What Motivates Us")
    assert (drive.binding_category, drive.num_pages) == ("audiobook", 6)
    assert find(books, "Why Limit WIP (MemeMachine Series Book 2)").series == ()


@pytest.mark.shared
def test_it_keeps_the_oddities_of_the_reader_of_two_services():
    books = real_books("goodreads_24col_358rows_same-reader-as-storygraph.csv")
    assert find(books, "1Q84 (1Q84, #1-3)").series == (Series("1Q84", "1-3"),)
    assert [book.binding_category for book in books if book.binding == "Tapa blanda"] == ["paperback"]
    assert find(books, "Lágrimas en la lluvia").reading_status == "currently-reading"
    assert find(books, "Historia mínima de Perú (Spanish Edition)").clean_title == "Historia mínima de Perú (Spanish Edition)"


@pytest.mark.shared
def test_it_keeps_persian_and_a_year_before_the_common_era():
    books = real_books("goodreads_31col_266rows_persian.csv")
    assert find(books, "The Art of War").original_publication_year == -500
    assert find(books, "شاهنامه").reading_status == "currently-reading"
    assert find(books, "بار دیگر شهری که دوست می\u200cداشتم").uid == "9789645529344"
    assert {book.title for book in books if book.is_custom_shelf} == {
        "1Q84 (1Q84, #1)",
        "Lolita",
        "Why Nations Fail: The Origins of Power, Prosperity, and Poverty",
    }


@pytest.mark.shared
def test_it_keeps_html_in_reviews_and_notes_as_written():
    books = real_books("goodreads_31col_326rows_html-reviews.csv")
    assert sum("<br/>" in book.my_review for book in books) == 142
    assert find(books, "House of Chains (Malazan Book of the Fallen, #4)").private_notes == "<haml:newline/>"
    rereading = find(books, "Warbreaker (Warbreaker, #1)")
    assert (rereading.reading_status, rereading.date_read) == ("currently-reading", date(2014, 4, 5))
    assert find(books, "The Way of Kings (The Stormlight Archive, #1)").read_count == 3
    assert find(books, "Diamonds in the Sky").uid == "Contributor"
    assert find(books, "The Left Hand of Darkness (Hainish Cycle #4)").series == (Series("Hainish Cycle", "4"),)


@pytest.mark.shared
def test_it_keeps_the_oddities_of_the_565_rows():
    books = real_books("goodreads_31col_565rows.csv")
    [typed] = [book for book in books if any(warning.cell == "20122" for warning in book.warnings)]
    assert typed.year_published is None
    assert {book.binding for book in books if book.binding_category == "paperback"} >= {"Capa Mole", "Broché", "Livro de Bolso"}
    assert find(books, "The Penitent Damned (The Shadow Campaigns #0.5)").series == (Series("The Shadow Campaigns", "0.5"),)
    assert find(books, "The Chronicles of Narnia (#1-7)").clean_title == "The Chronicles of Narnia"
    assert find(books, "The Mysterious Affair at Styles (Hercule Poirot, #1)").condition == "Brand new"
    assert sum(bool(book.isbn13) for book in books) + sum(bool(book.uid) for book in books) == 302


@pytest.mark.shared
def test_it_keeps_antiquity_and_handmade_genres():
    books = real_books("goodreads_31col_829rows.csv")
    assert min(book.original_publication_year or 0 for book in books) == -850
    assert find(books, "Tao Te Ching").original_publication_year == -600
    assert find(books, "The Tosa Diary").original_publication_year == 935
    assert sum(bool(book.private_notes) for book in books) == 225
    assert sum(book.reading_status == "read" and book.date_read is None for book in books) == 393


@pytest.mark.shared
def test_it_proves_the_columns_of_the_file_without_a_header():
    books = real_books("mangled_no-header_crlf_811rows.csv")
    first = books[0]
    assert (first.line, first.goodreads_id, first.author, first.average_rating) == (1, "27428442", "Laurie Lee", Decimal("3.96"))
    assert first.shelves == ("owned-to-read", "currently-reading")
    assert find(books, "The Odyssey").original_publication_year == -700
    assert find(books, "Before Your Memory Fades (Before the Coffee Gets Cold, #3)").isbn10 == "133542928X"


@pytest.mark.shared
def test_it_undoes_padding_and_a_second_layer_of_quotes():
    books = real_books("mangled_space-padded_23col_112rows.csv")
    first = books[0]
    assert (first.title, first.author_lf, first.isbn10, first.num_pages) == ("Raintree County", "Jr., Ross Lockridge", "014023666X", 1088)
    assert find(books, "Guns, Germs, and Steel: The Fates of Human Societies").isbn13 == "9780739467350"
    assert find(books, "Theo of Golden").author == "Allen Levi"
    assert find(books, "White Fang").shelves == ("kidz", "did-not-finish")
    narnia = find(books, "The Lion, the Witch and the Wardrobe (Chronicles of Narnia, #1)")
    assert narnia.date_added is None and "xxxx/xx/xx" in narnia.warnings[0].detail


def test_it_reads_each_column_of_the_oldest_generation():
    book = only_entry(
        goodreads(
            {
                "Additional Authors": "Stephen Briggs, Martin Luther King, Jr.",
                "My Review": "Good.<br/><spoiler>He runs</spoiler>",
                "Spoiler": "true",
                "Private Notes": "from the library",
                "Read Count": "2",
                "Recommended For": "everyone",
                "Recommended By": "a friend",
                "Owned Copies": "1",
                "Original Purchase Date": "2005",
                "Original Purchase Location": "Wells",
                "Condition": "worn",
                "Condition Description": "spine",
                "BCID": "123-456",
            }
        )
    )
    assert book == LibraryEntry(
        number=1,
        line=2,
        source_format="goodreads",
        title="The Color of Magic (Discworld, #1; Rincewind, #1)",
        clean_title="The Color of Magic",
        series=(Series("Discworld", "1"), Series("Rincewind", "1")),
        author="Terry Pratchett",
        author_lf="Pratchett, Terry",
        additional_authors=("Stephen Briggs", "Martin Luther King, Jr."),
        goodreads_id="34497",
        isbn10="0060855924",
        isbn13="9780060855925",
        isbn_kind="isbn13",
        publisher="HarperCollins",
        binding="Mass Market Paperback",
        binding_category="paperback",
        num_pages=228,
        year_published=2005,
        original_publication_year=1983,
        my_rating=Decimal(4),
        average_rating=Decimal("4.03"),
        date_read=date(2021, 5, 9),
        date_read_precision="day",
        date_added=date(2021, 4, 2),
        reads=(Read(None, date(2021, 5, 9)),),
        read_count=2,
        reading_status="read",
        shelves=("fantasy",),
        shelf_positions=(ShelfPosition("fantasy", 12),),
        bookshelves_with_positions="fantasy (#12)",
        my_review="Good.<br/><spoiler>He runs</spoiler>",
        has_spoilers=True,
        private_notes="from the library",
        owned_copies=1,
        recommended_for="everyone",
        recommended_by="a friend",
        original_purchase_date="2005",
        original_purchase_location="Wells",
        condition="worn",
        condition_description="spine",
        bcid="123-456",
    )


@pytest.mark.parametrize("generation", ["31", "24", "23"])
def test_it_reads_the_generations_alike(generation):
    book = only_entry(goodreads(generation=generation))
    assert (book.my_rating, book.publisher, book.reading_status, book.owned_copies) == (4, "HarperCollins", "read", 0)
    assert book.average_rating == (None if generation == "23" else Decimal("4.03"))


def test_it_takes_no_stars_for_unrated():
    assert only_entry(goodreads({"My Rating": "0", "Average Rating": "0.0"})).my_rating is None


def test_it_leaves_a_missing_read_date_missing():
    book = only_entry(goodreads({"Date Read": ""}))
    assert (book.reading_status, book.date_read, book.date_read_precision, book.reads) == ("read", None, "", ())


@pytest.mark.parametrize(
    ("text", "day", "precision"),
    [
        ("2021/05/09", date(2021, 5, 9), "day"),
        ("2021/05/01", date(2021, 5, 1), "month"),
        ("2021/01/01", date(2021, 1, 1), "year"),
        ("2021/05", date(2021, 5, 1), "month"),
        ("2021", date(2021, 1, 1), "year"),
    ],
)
def test_it_tells_how_much_of_a_read_date_to_believe(text, day, precision):
    book = only_entry(goodreads({"Date Read": text}))
    assert (book.date_read, book.date_read_precision) == (day, precision)


def test_it_keeps_a_bce_year():
    assert only_entry(goodreads({"Original Publication Year": "-428"})).original_publication_year == -428


def test_it_keeps_a_shelf_of_the_readers_own():
    book = only_entry(goodreads({"Exclusive Shelf": "wont-finish", "Bookshelves": "wont-finish, fantasy"}))
    assert (book.reading_status, book.is_custom_shelf, book.shelves) == ("wont-finish", True, ("wont-finish", "fantasy"))


def test_it_derives_the_isbn13_from_an_isbn10_alone():
    book = only_entry(goodreads({"ISBN13": '=""'}))
    assert (book.isbn10, book.isbn13, book.isbn_kind) == ("0060855924", "9780060855925", "isbn10")


def test_it_drops_an_isbn10_that_names_another_book():
    book = only_entry(goodreads({"ISBN": '="0140143505"'}))
    assert (book.isbn10, book.isbn13) == ("", "9780060855925")
    assert "another book" in book.warnings[0].detail


def test_it_reads_numbers_that_a_data_frame_made_floats():
    book = only_entry(goodreads({"Book Id": "34497.0", "Number of Pages": "320.0", "ISBN13": "9780060855925.0", "Read Count": "1.0"}))
    assert (book.goodreads_id, book.num_pages, book.isbn13, book.read_count) == ("34497", 320, "9780060855925", 1)


def test_it_never_guesses_a_number_in_scientific_notation():
    book = only_entry(goodreads({"Book Id": "3.45E+07", "ISBN": "", "ISBN13": "9.78006E+12"}))
    assert (book.goodreads_id, book.isbn13, book.isbn_kind, book.uid) == ("", "", "invalid", "9.78006E+12")
    assert [(one.column, one.reason) for one in book.warnings] == [("ISBN13", "isbn_shortened"), ("Book Id", "book_id_unreadable")]


def test_it_refuses_a_row_without_a_title():
    bad = only_bad_row(goodreads({}, {"Title": " \u200b "}, {}))
    assert (bad.number, bad.line, bad.column, bad.reason) == (2, 3, "Title", "title_missing")
    assert isinstance(bad.raw, dict) and bad.raw["Author"] == "Terry Pratchett"
    assert bad.detail.startswith("Line 3: ")


def test_it_keeps_a_row_without_an_author():
    book = only_entry(goodreads({"Author": "", "Author l-f": ""}))
    assert book.author == "" and book.warnings[0].reason == "author_missing"


def test_it_reads_the_status_from_the_shelves_of_a_file_without_exclusive_shelf():
    text = 'Title,Author,My Rating,Bookshelves\nEmma,Jane Austen,0,"classics, to-read"\n'
    assert only_entry(text).reading_status == "to-read"
