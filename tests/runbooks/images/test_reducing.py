import pytest

from runbooks.images.reducing import HIGH_RESOLUTION, PHOTO_TOKENS, STANDARD, fitted, tokens_of


@pytest.mark.parametrize(
    ("width", "height", "high", "standard"),
    [
        (1600, 1600, 3364, 1521),
        (1200, 1600, 2494, 1564),
        (1600, 1067, 2262, 1536),
        (960, 960, 1225, 1225),
        (500, 500, 324, 324),
        (1920, 1080, 2691, 1560),  # the vendor's own example
    ],
)
def test_a_photo_costs_what_the_vendors_table_says(width, height, high, standard):
    assert tokens_of(width, height, HIGH_RESOLUTION) == high
    assert tokens_of(width, height, STANDARD) == standard


@pytest.mark.parametrize("tier", [STANDARD, HIGH_RESOLUTION])
@pytest.mark.parametrize("size", [(8000, 8000), (8000, 100), (100, 8000), (1, 40_000_000), (1, 1), (2577, 3), (28, 28), (29, 28)])
def test_no_shape_costs_more_than_the_tiers_most_or_nothing(tier, size):
    assert 1 <= tokens_of(*size, tier) <= tier.tokens


@pytest.mark.parametrize("size", [(1600, 1200), (1200, 1600), (1600, 1600), (1600, 1067), (1600, 800), (1600, 400)])
def test_a_reduced_photo_is_as_large_as_its_tokens_allow_and_keeps_its_shape(size):
    width, height = fitted(*size, tokens=PHOTO_TOKENS)
    assert tokens_of(width, height, STANDARD) <= PHOTO_TOKENS
    assert abs(width / size[0] - height / size[1]) < 1 / min(width, height)
    assert tokens_of(width * 107 // 100, height * 107 // 100, HIGH_RESOLUTION) > PHOTO_TOKENS


def test_ebays_usual_photo_is_reduced_to_768_tokens():
    assert fitted(1600, 1200, tokens=PHOTO_TOKENS) == (896, 672)
    assert tokens_of(896, 672, STANDARD) == 768


def test_nothing_is_enlarged():
    assert fitted(120, 80, tokens=PHOTO_TOKENS, long_edge=2000) == (120, 80)


def test_no_side_vanishes():
    assert fitted(40_000, 3, long_edge=240) == (240, 1)
