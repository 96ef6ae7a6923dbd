import pytest

from runbooks.reference import Goal, Named, Reference, Requirement, Wishes, seed_reference


@pytest.mark.parametrize(
    ("written", "name", "tier"),
    [
        ("Macmillan and Co.", "Macmillan", 1),
        ("London: Chapman and Hall, 1859", "Chapman & Hall", 1),
        ("Smith, Elder & Co.", "Smith, Elder", 1),
        ("John Murray, Albemarle Street", "John Murray", 1),
        ("William Blackwood and Sons", "Blackwood", 1),
        ("Edward Moxon", "Moxon", 1),
        ("OUP", "Oxford University Press", 1),
        ("Oxford: Clarendon Press", "Clarendon Press", 1),
        ("Longmans, Green & Co.", "Longmans", 1),
        ("Harper & Bros.", "Harper & Brothers", 1),
        ("D. Appleton & Company", "D. Appleton", 1),
        ("Little, Brown and Company", "Little, Brown", 1),
        ("Richard Bentley & Son", "Bentley", 1),
        ("Chatto and Windus", "Chatto & Windus", 2),
        ("George Allen", "George Allen", 2),
        ("Cassell, Petter, & Galpin", "Cassell, Petter & Galpin", 2),
        ("George Routledge and Sons", "Routledge", 2),
        ("Ward, Lock & Co", "Ward, Lock", 2),
        ("Hurst & Co.", "Hurst", 2),
        ("Grosset & Dunlap", "Grosset & Dunlap", 2),
    ],
)
def test_it_knows_a_publisher_in_the_words_of_a_listing(written, name, tier):
    found = seed_reference().publisher(written)
    assert (found.name, found.tier) == (name, tier)


@pytest.mark.parametrize("written", ["", "Bradbury & Evans", "Harper & Row", "Cambridge University Press", "Hurst & Blackett", "Brown"])
def test_it_takes_no_publisher_for_another(written):
    assert seed_reference().publisher(written) is None


@pytest.mark.parametrize(
    ("written", "name", "tier"),
    [
        ("Bound by ZAEHNSDORF", "Zaehnsdorf", 1),
        ("Riviere and Son", "Rivière & Son", 1),
        ("Sangorski and Sutcliffe", "Sangorski & Sutcliffe", 1),
        ("Cobden-Sanderson", "Cobden-Sanderson", 1),
        ("F. Bedford", "Bedford", 1),
        ("Bayntun-Riviere", "Bayntun", 1),
        ("Bayntun (Riviere)", "Bayntun", 1),
        ("Hayday", "Hayday", 1),
        ("Leighton", "Leighton", 1),
        ("J. & E. Bumpus Ltd", "Bumpus", 2),
        ("Henry Sotheran & Co", "Sotheran", 2),
        ("W. Root & Son", "Root & Son", 2),
        ("Morrell", "Morrell", 2),
        ("Tout", "Tout", 2),
        ("Stikeman & Co.", "Stikeman", 2),
    ],
)
def test_it_knows_a_binder_in_the_words_of_a_listing(written, name, tier):
    found = seed_reference().binder(written)
    assert (found.name, found.tier) == (name, tier)


@pytest.mark.parametrize(
    ("written", "tier"),
    [("Darwin, Charles", 1), ("Sir Charles Lyell", 1), ("Dickens", 2), ("W. Wilkie Collins", 2), ("John Ruskin, LL.D.", 3)],
)
def test_it_knows_an_author_with_a_tier(written, tier):
    assert seed_reference().author(written).tier == tier


def test_a_surname_is_somebody_only_where_that_is_said():
    assert seed_reference().author("Collins") is None
    assert seed_reference().is_same_author("Dickens", "Charles Dickens")
    assert not seed_reference().is_same_author("Collins", "Wilkie Collins")


@pytest.mark.parametrize(
    ("year", "era"),
    [
        (1799, "Before 1800"),
        (1800, "Romantic"),
        (1836, "Romantic"),
        (1837, "Victorian"),
        (1901, "Victorian"),
        (1902, "Edwardian"),
        (1911, "Later"),
    ],
)
def test_a_year_is_in_one_era(year, era):
    assert [one.name for one in seed_reference().eras if year in one] == [era]
    assert seed_reference().era(year).name == era
    assert seed_reference().era(None) is None


def test_requirements_are_a_start_that_an_owner_may_change():
    assert Requirement("Wilkie Collins", "Bentley") in seed_reference().wishes.requirements
    assert seed_reference().with_wishes(Wishes(goals=(Goal("All of Dickens", author="Charles Dickens"),))).wishes.requirements == ()


def test_names_in_data_are_nobodys_alias_twice():
    reference = seed_reference()
    for rows, find in ((reference.publishers, reference.publisher), (reference.binders, reference.binder)):
        assert [find(name) for row in rows for name in row.names] == [row for row in rows for _ in row.names]


def test_two_firms_that_are_not_listed_are_one_by_their_words():
    reference = Reference(publishers=(Named("Bentley"),))
    assert reference.is_same_publisher("Bradbury and Evans", "Bradbury & Evans")
    assert not reference.is_same_publisher("", "")
