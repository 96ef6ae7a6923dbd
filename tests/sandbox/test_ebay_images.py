from __future__ import annotations

import io

import pytest
import requests
from PIL import Image

from sandbox.ebay_images import image_hash, image_path
from sandbox.listings import by_case, listing_of_picture

LISTING = by_case("many-photos")
NAME = image_hash(LISTING, 3)


def fetched(sandbox, path: str) -> requests.Response:
    return requests.get(f"{sandbox.url}/ebayimg{path}", timeout=10)


@pytest.mark.parametrize("file_type", ["jpg", "png", "webp"])
@pytest.mark.parametrize("form", ["/images/g/{}/s-l500.{}", "/thumbs/images/g/{}/s-l500.{}"])
def test_it_shows_a_photograph_in_each_form_of_address(sandbox, form: str, file_type: str) -> None:
    answer = fetched(sandbox, form.format(NAME, file_type))
    with Image.open(io.BytesIO(answer.content)) as image:
        assert max(image.size) == 500
        assert image.format == {"jpg": "JPEG"}.get(file_type, file_type.upper())
    assert answer.headers["Content-Type"] == {"jpg": "image/jpeg"}.get(file_type, f"image/{file_type}")


def test_it_shows_a_photograph_at_an_address_of_former_years(sandbox) -> None:
    listing = by_case("former-image-addresses")
    answer = fetched(sandbox, image_path(listing, 3))
    assert answer.content == fetched(sandbox, f"/images/g/{image_hash(listing, 3)}/s-l1600.jpg").content
    shown = listing_of_picture(answer.content)
    assert shown is not None and (shown.listing, shown.place) == (listing, 3)


@pytest.mark.parametrize(
    "path",
    [
        f"/images/g/{NAME}/s-l1601.jpg",
        f"/images/g/{NAME}/s-l500.gif",
        "/images/g/AAAAAOSwTest0001/s-l500.jpg",
        f"/images/g/{image_hash(by_case('ended'), 0)}/s-l500.jpg",
        f"/00/s/MTYwMFgxMjAw/z/{NAME}/$_99.JPG",
        "/",
    ],
)
def test_it_has_nothing_at_other_addresses(sandbox, path: str) -> None:
    assert fetched(sandbox, path).status_code == 404


def test_it_keeps_the_photographs_of_the_ended_when_told_to(sandbox) -> None:
    sandbox.settings(sources={"ebayimg": {"keep_ended": True}})
    assert fetched(sandbox, f"/images/g/{image_hash(by_case('ended'), 0)}/s-l500.jpg").status_code == 200


def test_its_names_of_photographs_are_sixteen_letters_and_differ() -> None:
    names = {image_hash(LISTING, place) for place in range(24)}
    assert len(names) == 24
    assert {len(name) for name in names} == {16}
