import pytest

from runbooks.completing import completion
from runbooks.subject import HeldCopy, Subject


def painters(*numbers, volumes=3):
    return [HeldCopy(f"Modern Painters, Vol. {number}", "John Ruskin", volumes) for number in numbers]


def volume(number, **facts):
    return Subject(f"Modern Painters, Vol. {number}", author="J. Ruskin", **facts)


def test_the_last_missing_volume_completes_a_set():
    found = completion(volume("III"), painters(1, 2))
    assert found.completes
    assert found.why == "volume 3 is the last of 3 that was missing"


def test_a_volume_that_is_owned_already_completes_nothing():
    # Two owned and one more are three, and volume 3 is still missing.
    found = completion(volume("II"), painters(1, 2))
    assert not found.completes
    assert found.why == "volume 2 is owned already"


def test_several_volumes_together_complete_a_set():
    assert completion(Subject("Modern Painters, Vols. 2-3", author="John Ruskin"), painters(1)).completes


@pytest.mark.parametrize(
    ("subject", "holdings"),
    [
        (volume("II"), painters(1)),
        (volume("III"), painters()),
        (volume("VII"), painters(1, 2, 3)),
        (volume("II"), painters(1, volumes=1)),
        (Subject("Modern Painters, 3 vols", author="John Ruskin"), painters(1, 2)),
        (Subject("The Stones of Venice, Vol. 3", author="John Ruskin"), painters(1, 2)),
    ],
)
def test_it_completes_nothing_when_something_is_missing_or_another_set(subject, holdings):
    found = completion(subject, holdings)
    assert not found.completes
    assert found.why


def test_the_size_of_a_set_is_the_largest_that_is_told():
    assert completion(Subject("Modern Painters, Vol. 3 of 3", author="John Ruskin"), painters(1, 2, volumes=1)).completes
    assert not completion(volume("III", volumes=5), painters(1, 2)).completes


def test_two_volumes_of_three_do_not_make_a_set_of_two():
    assert completion(volume("III"), [HeldCopy("Modern Painters, Vols. 1-2 of 3", "John Ruskin", 2)]).completes
    assert not completion(volume("III"), [HeldCopy("Modern Painters, Vols. 1-2", "John Ruskin", 2)]).is_known


def test_a_title_that_contains_the_sets_is_of_the_set():
    assert completion(Subject("Ruskin's Modern Painters Illustrated, Vol. III", author="John Ruskin"), painters(1, 2)).completes
