import pytest

from runbooks.images.choosing import Candidate, Photo, left_out, sample
from runbooks.images.reducing import STANDARD, tokens_of
from runbooks.images.refusals import Refusal

PORTRAIT, BANNER = (1200, 1600), (1600, 500)


def candidates(*sizes, at=None):
    positions = at or range(len(sizes))
    return [Candidate(position, *size, digest=f"{position}") for position, size in zip(positions, sizes, strict=True)]


def photos(count, size=(896, 672)):
    return [Photo(f"photo {number}", *size) for number in range(count)]


def test_a_wide_photo_among_the_last_three_is_a_banner():
    for place in (3, 4, 5):
        sizes = [PORTRAIT] * 6
        sizes[place] = BANNER
        assert left_out(candidates(*sizes), listed=6) == {place: Refusal.BANNER}


def test_a_wide_photo_before_the_last_three_is_a_row_of_spines():
    assert left_out(candidates(BANNER, PORTRAIT, BANNER, PORTRAIT, PORTRAIT, PORTRAIT), listed=6) == {}


def test_twice_as_wide_as_high_is_no_banner_yet():
    assert left_out(candidates(PORTRAIT, (1600, 800)), listed=2) == {}
    assert left_out(candidates(PORTRAIT, (1601, 800)), listed=2) == {1: Refusal.BANNER}


def test_the_only_photo_is_never_a_banner():
    assert left_out(candidates(BANNER), listed=1) == {}


def test_banners_stay_where_nothing_else_would_be_left():
    assert left_out(candidates(BANNER, (1600, 480)), listed=2) == {}
    assert left_out(candidates((100, 100), BANNER), listed=2) == {0: Refusal.THUMBNAIL}


def test_the_last_three_are_counted_in_the_listing_not_among_those_that_arrived():
    # Seven are listed and the last three failed to load: what is left at the end is not the end of the listing.
    assert left_out(candidates(PORTRAIT, PORTRAIT, PORTRAIT, BANNER), listed=7) == {}
    assert left_out(candidates(PORTRAIT, BANNER, at=[0, 6]), listed=7) == {6: Refusal.BANNER}


def test_a_thumbnail_shows_nothing_and_a_narrow_spine_does():
    assert left_out(candidates((225, 169), (226, 170), (180, 1600)), listed=9) == {0: Refusal.THUMBNAIL}


def test_the_first_of_equal_photos_is_kept():
    first, again = candidates(PORTRAIT, PORTRAIT)
    assert left_out([first, Candidate(1, *PORTRAIT, digest=first.digest), again], listed=3) == {1: Refusal.DUPLICATE}


def test_of_many_photos_two_thirds_come_from_the_beginning_and_a_third_from_the_end():
    shown = [photo.id for photo in sample(photos(24), STANDARD).photos]
    assert shown == [f"photo {number}" for number in (*range(10), *range(19, 24))]


@pytest.mark.parametrize("count", [0, 1, 14, 15])
def test_as_many_as_are_shown_are_all_shown_in_order(count):
    shown = sample(photos(count), STANDARD)
    assert list(shown.photos) == photos(count)


def test_twelve_reduced_photos_cost_what_the_budget_of_a_listing_counts_with():
    assert sample(photos(12), STANDARD).tokens == 12 * 768


@pytest.mark.parametrize(("tokens", "count"), [(15 * 768, 15), (15 * 768 - 1, 14), (3 * 768, 3), (768, 1), (767, 0), (0, 0)])
def test_no_more_is_shown_than_the_tokens_allow(tokens, count):
    shown = sample(photos(24), STANDARD, tokens=tokens)
    assert len(shown.photos) == count
    assert shown.tokens == count * 768 <= tokens


def test_photos_of_many_shapes_are_counted_each_by_its_own():
    mixed = [Photo("a", 896, 672), Photo("b", 300, 200), Photo("c", 1600, 1200)]
    assert sample(mixed, STANDARD).tokens == 768 + 11 * 8 + tokens_of(1600, 1200, STANDARD)
