import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.volumes import part_of, says_complete, set_size, volume_count, volume_numbers, volumes_named, with_volumes, without_volumes


@pytest.mark.parametrize(
    ("title", "numbers"),
    [
        ("Modern Painters, Vol. II", {2}),
        ("Modern Painters Volume 12", {12}),
        ("The Stones of Venice. Part XII", {12}),
        ("Modern Painters, Vols. 1-3", {1, 2, 3}),
        ("Vols I and II", {1, 2}),
        ("Vol. 2 of 6", {2}),
        ("Volume Two", {2}),
        ("Modern Painters in 3 volumes", set()),
        ("Modern Painters, three vols", set()),
        ("Part Ivory, Part Wood", set()),
        ("Bleak House", set()),
        ("Vols. 3-1", set()),
    ],
)
def test_it_reads_which_volumes_a_title_is(title, numbers):
    assert volume_numbers(title) == numbers


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("in 3 vols", 3),
        ("3-volume set", 3),
        ("complete in two volumes", 2),
        ("set of 4", 4),
        ("Vols. I-III", 3),
        ("12v", 12),
        ("Vol. 3", None),
        ("Bleak House 1853", None),
    ],
)
def test_it_reads_how_many_volumes_there_are(text, count):
    assert volume_count(text) == count


def test_it_reads_of_how_many_a_volume_is_one():
    assert set_size("Modern Painters, Vol. 2 of 6") == 6
    assert set_size("Modern Painters, Vol. 2") is None


@pytest.mark.parametrize(
    ("title", "size", "part"),
    [
        ("Modern Painters, Vol. II", None, {2}),
        ("Modern Painters, Vols. 1-2 of 3", None, {1, 2}),
        ("Modern Painters, Vols. 3-5", None, {3, 4, 5}),
        ("Modern Painters, Vols. 1-2", 5, {1, 2}),
        ("Modern Painters, Vols. 1-5", None, set()),
        ("Modern Painters, Vols. 1-3 of 3", None, set()),
        ("Modern Painters in 5 volumes", None, set()),
    ],
)
def test_a_part_is_not_all_of_a_set(title, size, part):
    assert part_of(title, size) == part


@given(st.frozensets(st.integers(1, 99), min_size=1, max_size=6), st.none() | st.integers(100, 120))
def test_volumes_are_read_as_they_are_written(numbers, size):
    title = with_volumes("Modern Painters, Vol. 7 of 8", numbers, size)
    assert (volume_numbers(title), set_size(title), without_volumes(title)) == (numbers, size, "Modern Painters")


def test_it_names_one_volume_or_several():
    assert volumes_named({2}) == "volume 2"
    assert volumes_named({10, 2}) == "volumes 2, 10"


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("Complete set in fine calf", True),
        ("3 vols., complete", True),
        ("complete in 5 volumes", True),
        ("Complete Works of Shakespeare, 5 vols", None),
        ("lacking vol. 2", False),
        ("odd volume", False),
        ("Vol. II only", False),
        ("not a complete set", False),
        ("missing volume 3 of the complete set", False),
        ("", None),
    ],
)
def test_it_reads_whether_a_set_is_called_complete(text, complete):
    assert says_complete(text) is complete


def test_it_takes_the_volumes_out_of_a_title():
    assert without_volumes("Modern Painters, Vol. II") == "Modern Painters"
    assert without_volumes("Modern Painters (3 vols") == "Modern Painters"
