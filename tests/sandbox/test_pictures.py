from __future__ import annotations

import io

import pytest
from PIL import Image

from sandbox.listings import by_case, script
from sandbox.listings_records import DEFECTS, KINDS
from sandbox.pictures import Mark, picture, read_mark

LISTING = by_case("contradicted")


def stored_again(file: bytes, scale: float, quality: int) -> bytes:
    with Image.open(io.BytesIO(file)) as image:
        smaller = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    kept = io.BytesIO()
    smaller.save(kept, "JPEG", quality=quality)
    return kept.getvalue()


@pytest.mark.parametrize("place", range(len(LISTING.shots)))
@pytest.mark.parametrize(("scale", "quality"), [(1, 85), (0.56, 85), (0.31, 70), (0.25, 85)])
def test_its_mark_survives_being_made_smaller_and_stored_again(place: int, scale: float, quality: int) -> None:
    assert read_mark(stored_again(picture(LISTING, place), scale, quality)) == Mark(LISTING.number, place)


@pytest.mark.parametrize("file_type", ["jpg", "png", "webp"])
def test_its_mark_is_legible_in_every_format(file_type: str) -> None:
    assert read_mark(picture(LISTING, 0, file_type=file_type)) == Mark(LISTING.number, 0)


@pytest.mark.parametrize("ground", ["white", "black"])
def test_it_reads_no_mark_in_a_picture_from_elsewhere(ground: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (800, 600), ground).save(file, "JPEG")
    assert read_mark(file.getvalue()) is None


def test_it_reads_no_mark_in_a_picture_of_a_few_pixels() -> None:
    file = io.BytesIO()
    Image.new("L", (100, 2)).save(file, "PNG")
    assert read_mark(file.getvalue()) is None


def sides(file: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(file)) as image:
        return image.size


def test_it_does_not_enlarge_a_small_original() -> None:
    small = by_case("small-photos")
    assert [max(sides(picture(small, place, long_side=1600))) for place in range(4)] == [500, 400, 500, 140]


def test_it_makes_a_picture_smaller_than_its_original() -> None:
    assert max(sides(picture(LISTING, 0, long_side=640))) == 640


def test_its_banners_are_more_than_twice_as_wide_as_high() -> None:
    banners = by_case("banners")
    ratios = [width / height for width, height in (sides(picture(banners, place)) for place in range(len(banners.shots)))]
    assert [ratio > 2 for ratio in ratios] == [shot.kind == "banner" for shot in banners.shots]


def test_it_draws_the_same_picture_again() -> None:
    first = picture(LISTING, 1)
    for place in range(len(by_case("many-photos").shots)):
        picture(by_case("many-photos"), place, long_side=64)
    assert picture(LISTING, 1) == first


def test_its_photographs_weigh_what_photographs_do() -> None:
    assert 50_000 < len(picture(LISTING, 0)) < 1_000_000
    assert len(picture(by_case("small-photos"), 3)) < 10_000


def test_a_photograph_with_damage_looks_other_than_one_without() -> None:
    shots = {shot for listing in script() for shot in listing.shots}
    assert {defect for shot in shots for defect in shot.defects} == set(DEFECTS)
    assert {shot.kind for shot in shots} == set(KINDS)
    assert picture(by_case("detached"), 1) != picture(by_case("detached"), 2)
