import pytest

from runbooks.reference import Goal, Wishes, seed_reference
from runbooks.scoring import look_up
from runbooks.scoring.fit import fit_score
from runbooks.subject import HeldCopy, Holdings, Subject
from tests.runbooks.scoring.copies import evidence_of


@pytest.mark.parametrize(
    ("author", "publisher", "points"),
    [
        ("Wilkie Collins", "Richard Bentley & Son", 40),
        ("Dickens, Charles", "London: Chapman and Hall, 1859", 40),
        ("Charles Dickens", "Bradbury & Evans", 0),
        ("Charles Dickens", "", 0),
        ("", "Chapman & Hall", 0),
    ],
)
def test_the_required_publisher_of_an_author_gives_40_points(author, publisher, points):
    assert fit_score(evidence_of(author=author, publisher=publisher))["required_publisher"].points == points


def test_an_author_without_a_requirement_meets_none():
    line = fit_score(evidence_of(author="Anthony Trollope", publisher="Chapman & Hall"))["required_publisher"]
    assert (line.points, line.is_known) == (0, True)
    assert "no publisher is required" in line.why


@pytest.mark.parametrize(("owned", "points"), [(0, 30), (1, 15), (2, 0), (5, 0)])
def test_an_author_counts_the_more_the_less_is_owned(owned, points):
    copies = [HeldCopy(f"Novel {number}", "Dickens, Charles") for number in range(owned)]
    assert fit_score(evidence_of(*copies, author="Charles Dickens"))["author_owned"].points == points


def test_only_owned_copies_count_as_owned():
    copies = [
        HeldCopy("Hard Times", "Charles Dickens", status="EVALUATING"),
        HeldCopy("Little Dorrit", "Charles Dickens", status="REMOVED"),
        HeldCopy("Oliver Twist", "Charles Dickens", status="IN_TRANSIT"),
    ]
    evidence = look_up(Subject("Bleak House", author="Charles Dickens"), seed_reference(), Holdings.of(copies))
    assert fit_score(evidence)["author_owned"].points == 15


def test_holdings_refuse_what_is_not_owned():
    with pytest.raises(ValueError, match="EVALUATING"):
        Holdings((HeldCopy("Hard Times", status="EVALUATING"),))


def test_a_copy_without_an_author_is_not_a_new_authors():
    line = fit_score(evidence_of())["author_owned"]
    assert (line.points, line.is_known) == (0, False)


def test_completing_a_set_gives_25_points():
    owned = [HeldCopy(f"Modern Painters, Vol. {number}", "John Ruskin", volumes=3) for number in (1, 3)]
    score = fit_score(evidence_of(*owned, title="Modern Painters, Volume II", author="John Ruskin"))
    assert score["completes_set"].points == 25


def test_another_authors_volumes_complete_no_set():
    owned = [HeldCopy(f"Poems, Vol. {number}", "Robert Browning", volumes=3) for number in (1, 2)]
    assert fit_score(evidence_of(*owned, title="Poems, Vol. 3", author="Alfred Tennyson"))["completes_set"].points == 0


def test_a_volume_still_completes_its_set_once_it_is_acquired():
    owned = [HeldCopy(f"Modern Painters, Vol. {number}", "John Ruskin", volumes=3, key=str(number)) for number in (1, 2, 3)]
    assert fit_score(evidence_of(*owned, title="Modern Painters, Vol. 3", author="John Ruskin", key="3"))["completes_set"].points == 25


@pytest.mark.parametrize(
    ("goal", "points"),
    [
        (Goal("Signed Dickens", author="Charles Dickens", binder="Zaehnsdorf"), 20),
        (Goal("Dickens by Riviere", author="Charles Dickens", binder="Riviere"), 0),
        (Goal("The fifties", first_year=1850, last_year=1859), 20),
        (Goal("After 1860", first_year=1860), 0),
        (Goal("Names nothing"), 0),
    ],
)
def test_a_goal_is_advanced_when_all_that_it_names_agrees(goal, points):
    reference = seed_reference().with_wishes(Wishes(goals=(goal,)))
    subject = Subject("Bleak House", author="Charles Dickens", binder="Zaehnsdorf", year=1853)
    assert fit_score(look_up(subject, reference, Holdings()))["goal"].points == points


def test_it_is_kept_below_100():
    owned = [HeldCopy("Armadale, Vol. 1", "Wilkie Collins", volumes=2, key="1")]
    reference = seed_reference().with_wishes(
        Wishes(requirements=seed_reference().wishes.requirements, goals=(Goal("Collins", author="Wilkie Collins"),))
    )
    subject = Subject("Armadale, Vol. 2", author="Wilkie Collins", publisher="Bentley")
    score = fit_score(look_up(subject, reference, Holdings(tuple(owned))))
    assert [line.points for line in score.criteria] == [40, 15, 25, 20]
    assert score.total == 100
