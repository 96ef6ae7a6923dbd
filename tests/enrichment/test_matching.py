import random
from collections import Counter
from collections.abc import Sequence
from time import process_time

import pytest

from enrichment.matching import ACCEPT, REVIEW, Candidate, Wanted, judge, score
from enrichment.sources.facts import EditionFacts
from tests.enrichment.planted_matches import Known, of_exports, plant, well_known
from tests.shared_data import shared_path

ISBN, OTHER_ISBN = "9780441013593", "9780261103573"


def record(title: str, *authors: str, key: str = "", **changes: object) -> EditionFacts:
    return EditionFacts(**{"source": "open_library", "key": key or title, "title": title, "authors": authors} | changes)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted("Dune (Dune, #1)", "Frank Herbert"), record("Dune", "Herbert, Frank")),
        (Wanted("The Hobbit", "J.R.R. Tolkien"), record("Hobbit, The", "J. R. R. Tolkien")),
        (Wanted("The Hobbit", "J.R.R. Tolkien"), record("The Hobbit, or There and Back Again", "J.R.R. Tolkien")),
        (Wanted("Sapiens: A Brief History of Humankind", "Yuval Noah Harari"), record("Sapiens", "Yuval N. Harari")),
        (Wanted("Heir to the Empire", "Timothy Zahn"), record("Star Wars: Heir to the Empire", "Timothy Zahn")),
        (Wanted("Guns, Germs & Steel", "Jared Diamond"), record("Guns, Germs, and Steel", "Jared M. Diamond")),
        (Wanted("Crime and Punishment", "Fyodor Dostoyevsky"), record("Crime and Punishment", "Fiodor Dostoievski")),
        (Wanted("Crime and Punishment", "Fyodor Dostoyevsky"), record("Crime and Punishment", "Фёдор Достоевский")),
        (Wanted("The Pragmatic Programmer", "Andy Hunt", ("Dave Thomas",)), record("The Pragmatic Programmer", "Dave Thomas")),
        (Wanted("The Odyssey", "Emily Wilson", ("Homer",)), record("The Odyssey", "Homer")),
        (Wanted("The Left Hand of Darkness", "Ursula K. Le Guin"), record("The Left Hand of Darknes", "Ursula Le Guin")),
        (Wanted("Norwegian Wood", "Murakami Haruki"), record("Norwegian Wood", "Haruki Murakami")),
        (Wanted("Candide", "Voltaire"), record("Candide", "Voltaire", "Lowell Bair")),
        (Wanted("The Saga of the Volsungs", "Anonymous"), record("The Saga of the Volsungs", "Anonymous")),
        (Wanted("Мастер и Маргарита", "Михаил Булгаков"), record("Мастер и Маргарита", "Булгаков, Михаил")),
    ],
)
def test_the_same_book_is_accepted(wanted: Wanted, found: EditionFacts):
    assert judge(wanted, [found]).outcome == "matched", score(wanted, found)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted("Dune", "Frank Herbert"), record("Dune Messiah", "Frank Herbert")),
        (Wanted("Dune", "Frank Herbert"), record("Dune: House Atreides", "Brian Herbert", "Kevin J. Anderson")),
        (Wanted("Foundation", "Isaac Asimov"), record("Foundation and Empire", "Isaac Asimov")),
        (Wanted("Rama", "Arthur C. Clarke"), record("Rama II", "Arthur C. Clarke")),
        (Wanted("Alien", "Alan Dean Foster"), record("Aliens", "Alan Dean Foster")),
        (Wanted("Naruto, Vol. 2 (Naruto, #2)", "Masashi Kishimoto"), record("Naruto, Vol. 3", "Masashi Kishimoto")),
        (Wanted("Naruto (Naruto, #2)", "Masashi Kishimoto"), record("Naruto", "Masashi Kishimoto")),
        (Wanted("Mistborn", "Brandon Sanderson"), record("Mistborn: Secret History", "Brandon Sanderson")),
        (Wanted("Mistborn: The Final Empire", "Brandon Sanderson"), record("Mistborn: The Well of Ascension", "Brandon Sanderson")),
        (Wanted("Sapiens", "Yuval Noah Harari"), record("Summary of Sapiens", "Yuval Noah Harari")),
        (Wanted("Sapiens", "Yuval Noah Harari"), record("Sapiens", "Yuval Noah Harari", subtitle="A Study Guide")),
        (Wanted("Dune", "Frank Herbert"), record("Dune: The Graphic Novel", "Frank Herbert")),
        (Wanted("The Hunger Games", "Suzanne Collins"), record("The Hunger Games Trilogy Boxed Set", "Suzanne Collins")),
        (Wanted("The Road", "Cormac McCarthy"), record("The Road", "Jack London")),
        (Wanted("It", "Stephen King"), record("It", "Alexa Chung")),
        (Wanted("Emma", "Jane Austen"), record("Emma", "Alexander McCall Smith")),
        (Wanted("The Road"), record("The Road", "Jack London")),
        (Wanted("The Road", "Cormac McCarthy"), record("The Road")),
    ],
)
def test_a_book_that_only_looks_alike_is_not_accepted(wanted: Wanted, found: EditionFacts):
    assert judge(wanted, [found]).outcome != "matched", score(wanted, found)


def test_an_isbn_does_not_bring_a_book_of_other_title_and_author():
    match = judge(Wanted("Dune", "Frank Herbert", isbn13=ISBN), [record("The Two Towers", "J.R.R. Tolkien", isbns=(ISBN,))])
    assert (match.outcome, match.best) == ("not_found", None)


@pytest.mark.parametrize(
    "found",
    [
        record("Der kleine Prinz", "Antoine de Saint-Exupéry", isbns=(ISBN,)),
        record("Маленький принц", "Antoine de Saint-Exupéry", isbns=(ISBN,)),
        record("Южный почтовый", "Антуан де Сент-Экзюпери", isbns=(ISBN,)),
    ],
)
def test_an_isbn_with_another_title_of_the_author_needs_review(found: EditionFacts):
    assert judge(Wanted("The Little Prince", "Antoine de Saint-Exupéry", isbn13=ISBN), [found]).outcome == "needs_review"


def test_an_isbn_carries_a_title_whose_author_is_missing():
    assert judge(Wanted("The Little Prince", "", isbn13=ISBN), [record("The Little Prince", isbns=(ISBN,))]).outcome == "matched"


def test_an_isbn_carries_a_distinctive_title_under_a_pen_name():
    wanted = Wanted("Career of Evil", "J.K. Rowling", isbn13=ISBN)
    assert judge(wanted, [record("Career of Evil", "Robert Galbraith", isbns=(ISBN,))]).outcome == "matched"


def test_an_isbn_10_agrees_with_its_isbn_13():
    assert (
        score(Wanted("Dune", "Frank Herbert", isbn10="0441013597"), record("Dune", "Frank Herbert", isbns=(ISBN,))).compared[0].similarity
        == 1
    )


def test_another_isbn_says_nothing_against_an_edition():
    assert score(Wanted("Dune", "Frank Herbert", isbn13=ISBN), record("Dune", "Frank Herbert", isbns=(OTHER_ISBN,))).score == 1


def test_the_first_result_wins_nothing():
    found = [record("Dune Messiah", "Frank Herbert"), record("Dune: Study Guide", "Anne Scholar"), record("Dune", "Frank Herbert")]
    best = judge(Wanted("Dune", "Frank Herbert"), found).best
    assert best is not None
    assert best.facts.title == "Dune"


def test_editions_of_one_work_do_not_tie():
    found = [record("Dune", "Frank Herbert", key="1", isbns=(ISBN,)), record("Dune", "Frank Herbert", key="2", isbns=(OTHER_ISBN,))]
    assert judge(Wanted("Dune", "Frank Herbert"), found).outcome == "matched"


def test_two_works_that_fit_equally_well_need_review():
    found = [
        record("Cosmos", "Carl Sagan", subtitle="A personal voyage through space"),
        record("Cosmos", "Carl Sagan", subtitle="The illustrated story of another voyage", key="2"),
    ]
    match = judge(Wanted("Cosmos", "Carl Sagan"), found)
    assert match.outcome == "needs_review"
    assert len(match.alternatives) == 1


def test_length_tips_the_balance_where_the_title_is_not_sure():
    wanted = Wanted("Mistborn: Secret History and Other Stories", "Brandon Sanderson", pages=160)
    assert judge(wanted, [record("Mistborn", "Brandon Sanderson", pages=541)]).outcome == "needs_review"
    assert judge(wanted, [record("Mistborn", "Brandon Sanderson", pages=160)]).outcome == "matched"


def test_an_audiobooks_page_count_is_no_contradiction():
    assert score(Wanted("Dune", "Frank Herbert", pages=8), record("Dune", "Frank Herbert", pages=600)).compared[-1].similarity is None


def test_at_most_five_alternatives_are_kept_best_first():
    found = [record("Dune", "Frank Herbert", key=str(number), pages=100 + number) for number in range(9)]
    match = judge(Wanted("Dune", "Frank Herbert"), found)
    scores = [candidate.score for candidate in match.alternatives]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)


def test_nothing_found_is_not_found():
    assert judge(Wanted("Dune", "Frank Herbert"), []).outcome == "not_found"


@pytest.mark.parametrize("wanted", [Wanted(""), Wanted("", "Frank Herbert"), Wanted("(", "???", isbn13="x", isbn10="0000000000")])
def test_a_row_without_a_title_is_never_matched(wanted: Wanted):
    assert judge(wanted, [record("Dune", "Frank Herbert"), record("", key="2"), record("???", "???", key="3")]).outcome != "matched"


def test_the_thresholds_can_be_moved():
    wanted, found = Wanted("Mistborn", "Brandon Sanderson"), [record("Mistborn: Secret History", "Brandon Sanderson")]
    value = score(wanted, found[0]).score
    assert REVIEW <= value < ACCEPT
    assert judge(wanted, found, accept=value).outcome == "matched"
    assert judge(wanted, found, review=value + 0.01).outcome == "not_found"


def test_a_candidate_says_what_was_compared_and_survives_json():
    candidate = score(
        Wanted("Dune", "Frank Herbert", isbn13=ISBN, year=1965, pages=604, publisher="Ace"),
        record("Dune", "Frank Herbert", isbns=(ISBN,), first_year=1965, year=1990, pages=302, publisher="Ace Books, Inc."),
    )
    assert [(one.field, one.similarity) for one in candidate.compared] == [
        ("isbn", 1.0),
        ("title", 1.0),
        ("author", 1.0),
        ("publisher", 1.0),
        ("year", 1.0),
        ("pages", 0.5),
    ]
    assert candidate.because == "ISBN agrees, title agrees, author agrees"
    assert Candidate.from_json(candidate.to_json()) == candidate


def figures(books: Sequence[Known]) -> tuple[float, dict[str, float], str]:
    """Return the wrong share of what is accepted, the accepted share of each kind of row that has a right answer, and a report."""
    planted = list(plant(books, random.Random(20_261_122)))
    started = process_time()
    verdicts = [judge(row.wanted, row.found) for row in planted]
    cost = 1000 * (process_time() - started) / sum(len(row.found) for row in planted)
    rows, accepted, review, wrong = Counter(), Counter(), Counter(), Counter()
    for row, verdict in zip(planted, verdicts, strict=True):
        rows[row.kind] += 1
        review[row.kind] += verdict.outcome == "needs_review"
        if verdict.outcome == "matched" and verdict.best is not None:
            accepted[row.kind] += 1
            wrong[row.kind] += row.right is None or verdict.best.facts.work_key != row.right.work_key
    share = wrong.total() / accepted.total()
    recall = {row.kind: (accepted[row.kind] - wrong[row.kind]) / rows[row.kind] for row in planted if row.right is not None}
    lines = [
        f"{kind:32} {rows[kind]:5} rows  {accepted[kind] / rows[kind]:7.2%} accepted  {review[kind] / rows[kind]:7.2%} review  {wrong[kind]:3} wrong"
        for kind in rows
    ]
    lines.append(f"wrong among {accepted.total()} accepted: {share:.3%}; {cost:.4f} ms a comparison")
    return share, recall, "\n".join(lines)


def test_of_planted_rows_at_most_one_accepted_in_two_hundred_is_wrong(capsys: pytest.CaptureFixture[str]):
    share, recall, report = figures(well_known())
    with capsys.disabled():
        print(f"\nmatching, {len(well_known())} well-known books\n{report}")
    assert share <= 0.005
    assert min(recall.values()) >= 0.95


@pytest.mark.shared
def test_the_figures_hold_for_the_books_of_real_exports(capsys: pytest.CaptureFixture[str]):
    books = [*well_known(), *of_exports(shared_path("data", "exports"))]
    share, recall, report = figures(books)
    with capsys.disabled():
        print(f"\nmatching, {len(books)} books of real exports\n{report}")
    assert share <= 0.005
    assert min(recall.values()) >= 0.95
