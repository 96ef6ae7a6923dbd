import json
from hashlib import sha256
from time import process_time

import pytest

from enrichment.genres import VOCABULARY_VERSION, ancestors, genres_of, rank_genres, vocabulary
from tests.shared_data import shared_path


@pytest.mark.parametrize(
    ("subject", "genres"),
    [
        ("FICTION / Romance / Paranormal / Vampires", {"Romance", "Paranormal", "Paranormal Romance"}),
        ("Fiction, science fiction, general", {"Science Fiction"}),
        ("Fantasy, epic", {"Fantasy", "Epic Fantasy"}),
        ("Vampires--Fiction.", {"Paranormal"}),
        ("SCIENCE / Life Sciences / Evolution", {"Science", "Biology", "Evolution"}),
        ("Juvenile Fiction / Science Fiction, Fantasy, Magic", {"Children's", "Science Fiction", "Fantasy"}),
        ("Fic028000 fic029000", {"Science Fiction", "Short Stories"}),
        ("China -- History -- 1949-1976", {"History", "Asian History"}),
        ("Science fiction, American", {"Science Fiction", "American Literature"}),
        ("English Fantasy fiction", {"Fantasy", "British & Irish Literature"}),
        ("World War (1914-1918) fast (OCoLC)fst01180746", {"World Wars"}),
        ("Biography & Autobiography / Historical", {"Biography"}),
    ],
)
def test_it_reads_bisac_paths_and_library_headings(subject: str, genres: set[str]):
    assert set(genres_of(subject) or ()) == genres


@pytest.mark.parametrize(
    ("subject", "genre"),
    [
        ("Ficción", "Fiction"),
        ("Romans, nouvelles", "Fiction"),
        ("Roman américain", "Fiction"),
        ("Kriminalroman", "Crime Fiction"),
        ("Ciencia-ficción", "Science Fiction"),
        ("Fantascienza", "Science Fiction"),
        ("Novela de misterio", "Mystery"),
        ("Детективы", "Mystery"),
        ("Художественная литература -- Великобритания -- Романы", "Fiction"),
        ("Geschiedenis", "History"),
        ("Histoire", "History"),
        ("Geschichte", "History"),
        ("Biografía", "Biography"),
        ("Poesia", "Poetry"),
        ("Kinderboeken", "Children's"),
    ],
)
def test_it_knows_other_languages(subject: str, genre: str):
    assert genre in (genres_of(subject) or ())


@pytest.mark.parametrize(
    "junk",
    [
        "award:hugo_award=2021",
        "Nyt:trade-fiction-paperback=2018-04-22",
        "nyt:hardcover_fiction=2011-12-24",
        "collectionID:bannedbooks",
        "series:The Expanse",
        "Reading Level-Grade 12",
        "Protected DAISY",
        "Accessible book",
        "In library",
        "Open Library Staff Picks",
        "Long Now Manual for Civilization",
        "Large type books",
        "bestseller",
        "New York Times bestseller",
        "reviewed",
        "Audiobooks",
        "Hugo Award Winner",
        "Translations into Chinese",
        "Spanish language materials",
        "Samuel Vimes (Fictitious character)",
        "Wiggin, ender (fictitious character), fiction",
        "Discworld (imaginary place), fiction",
        "Austen, jane, 1775-1817",
        "19th Century",
        "813/.6",
        "Ps3603.h53 a6 2016",
        "2019",
        "General",
        "x",
        "",
        "   ",
    ],
)
def test_it_drops_what_says_nothing_about_genre(junk: str):
    assert genres_of(junk) is None


def test_it_counts_what_the_vocabulary_does_not_know():
    found = rank_genres({"open_library": ["Foster care", "Large type books", "Fantasy"]})
    assert (found.unmapped, found.dropped, found.names) == (("Foster care",), ("Large type books",), ("Fantasy", "Fiction"))


# https://www.bisg.org/complete-bisac-subject-headings-list: its sections, without Non-Classifiable.
BISAC_SECTIONS = """Antiques & Collectibles; Architecture; Art; Bibles; Biography & Autobiography; Body, Mind & Spirit; Business & Economics;
Comics & Graphic Novels; Computers; Cooking; Crafts & Hobbies; Design; Drama; Education; Family & Relationships; Fiction; Foreign Language Study;
Games & Activities; Gardening; Health & Fitness; History; House & Home; Humor; Juvenile Fiction; Juvenile Nonfiction; Language Arts & Disciplines;
Law; Literary Collections; Literary Criticism; Mathematics; Medical; Music; Nature; Performing Arts; Pets; Philosophy; Photography; Poetry;
Political Science; Psychology; Reference; Religion; Science; Self-Help; Social Science; Sports & Recreation; Study Aids; Technology & Engineering;
Transportation; Travel; True Crime; Young Adult Fiction; Young Adult Nonfiction"""


@pytest.mark.parametrize("section", [" ".join(section.split()) for section in BISAC_SECTIONS.split(";")])
def test_every_section_of_bisac_leads_to_a_genre(section: str):
    assert genres_of(section)
    assert genres_of(f"{section.upper()} / General") == genres_of(section)


@pytest.mark.parametrize(
    ("topic", "novel"),
    [
        ("World War, 1939-1945", "War Fiction"),
        ("France, history, 1799-1914", "Historical Fiction"),
        ("Politics and government", "Political Fiction"),
        ("High schools", "School Stories"),
        ("Mathematics", "Fiction"),
    ],
)
def test_a_topic_said_of_a_novel_is_a_kind_of_novel(topic: str, novel: str):
    assert genres_of(f"{topic} -- Fiction") == (novel,)
    assert genres_of(f"{topic}, fiction") == (novel,)


def test_agreeing_sources_rank_above_one_that_repeats_itself():
    found = rank_genres({"open_library": ["Horror tales", "Horror", "Horror fiction", "Space opera"], "google_books": ["Space Opera"]})
    assert found.names[:2] == ("Space Opera", "Horror")


def test_the_specific_ranks_above_the_general():
    found = rank_genres({"google_books": ["Fiction"], "open_library": ["Fiction", "Fiction, general", "Space opera"]})
    assert found.names == ("Space Opera", "Fiction")


def test_fiction_alone_is_better_than_nothing():
    assert rank_genres({"google_books": ["Fiction"]}).names == ("Fiction",)


def test_each_genre_says_what_led_to_it():
    horror, fiction = rank_genres({"google_books": ["FICTION / Horror"], "open_library": ["Horror tales"]}).ranked
    assert horror.because == ("google_books: FICTION / Horror", "open_library: Horror tales")
    assert (fiction.name, fiction.because) == ("Fiction", ("implied by Horror",))
    assert (horror.parent, fiction.parent) == ("Fiction", "")


def test_the_topics_of_a_novel_do_not_make_it_nonfiction():
    found = rank_genres({"open_library": ["Fiction", "Love stories", "Historical fiction", "Circus", "Social conditions"]})
    assert "Nonfiction" not in found.names
    assert found.names[:2] == ("Historical Fiction", "Romance")


def test_the_kind_of_the_first_genre_is_never_cut_off():
    subjects = ["Physics", "Chemistry", "Biology", "Astronomy", "Genetics", "Mathematics", "Geology", "Neurology", "Botany"]
    names = rank_genres({"open_library": subjects}, most=4).names
    assert len(names) == 4
    assert names[-1] == "Nonfiction"


def test_no_subjects_are_no_genres():
    assert rank_genres({}).ranked == rank_genres({"google_books": []}).ranked == ()


def test_the_order_of_sources_and_subjects_does_not_matter():
    subjects = {"open_library": ["Horror", "Vampires", "Ghosts", "Fantasy"], "google_books": ["Fiction / Horror"]}
    turned = {source: subjects[source][::-1] for source in reversed(subjects)}
    assert rank_genres(subjects).names == rank_genres(turned).names


def test_the_vocabulary_is_a_tree_of_two_levels_and_at_most_150_genres():
    words = vocabulary()
    assert 120 <= len(words.parents) <= 150
    assert words.version == VOCABULARY_VERSION
    for name in words.parents:
        assert genres_of(name) is not None
        assert name in (genres_of(name) or ()), name
        assert all(ancestors(parent) == () for parent in ancestors(name))


def test_the_vocabulary_names_no_genre_that_it_does_not_have():
    words = vocabulary()
    named = {*words.in_fiction, *words.in_fiction.values(), *words.adjectives.values(), *words.places.values()}
    assert named <= set(words.parents)
    # A phrase that is also dropped would never be reached, or never be dropped.
    assert not words.dropped & set(words.phrases)


@pytest.mark.parametrize(
    "subject", ["a" * 100_000, "/" * 5_000, ", ".join(["fantasy"] * 5_000), "(" * 5_000, "\x00\ud800", "=" * 9_000, "word " * 20_000]
)
def test_hostile_subjects_cost_little(subject: str):
    started = process_time()
    rank_genres({"open_library": [subject]})
    assert process_time() - started < 0.5


JUNK_WORDS = (
    "bestseller",
    "reviewed",
    "large type",
    "daisy",
    "library",
    "staff picks",
    "reading level",
    "award",
    "nyt",
    "=",
    ":",
    "audio",
    "century",
)


@pytest.mark.shared
def test_the_vocabulary_covers_a_real_library_it_was_not_built_from(capsys: pytest.CaptureFixture[str]):
    """The vocabulary was written looking at the books of the even half only."""
    books = json.loads(shared_path("data", "dashboard_original_564books.json").read_text(encoding="utf-8"))["books"]
    unseen = [book for book in books if sha256(book["goodreads_id"].encode()).digest()[0] % 2]
    described = [book for book in unseen if book["genres"]]
    started = process_time()
    cold = [rank_genres({"original": book["genres"]}) for book in unseen]
    middle = process_time()
    warm = [rank_genres({"original": book["genres"]}) for book in unseen]
    ended = process_time()
    mentions = [name for genres in warm for name in genres.names]
    distinct = sorted(set(mentions), key=lambda name: -mentions.count(name))
    covered = sum(bool(genres.ranked) for genres in warm)
    subjects = sum(len(book["genres"]) for book in unseen)
    unmapped = sum(len(genres.unmapped) for genres in warm)
    dropped = sum(len(genres.dropped) for genres in warm)
    with capsys.disabled():
        print(
            f"\ngenres, {len(unseen)} unseen books: {covered / len(described):.1%} of {len(described)} with subjects covered"
            f" ({covered / len(unseen):.1%} of all), {len(distinct)} distinct, {unmapped / subjects:.1%} of {subjects} subjects unmapped,"
            f" {dropped / subjects:.1%} dropped; {1000 * (middle - started) / len(unseen):.3f} ms a book cold,"
            f" {1000 * (ended - middle) / len(unseen):.3f} ms warm\ntop 50: {', '.join(distinct[:50])}"
        )
    assert cold == warm
    assert covered / len(described) >= 0.85
    assert covered / len(unseen) >= 0.85
    assert len(distinct) <= 150
    assert not [name for name in distinct[:50] for junk in JUNK_WORDS if junk in name.casefold()]
    assert unmapped / subjects < 0.4
    assert (ended - middle) / len(unseen) < 0.00015
