import hashlib
import threading
import time
from collections.abc import Callable, Mapping

import pytest

from bookops.outbound.answers import Answer
from bookops.outbound.errors import BadAnswer, NotFound, Refused, TryAgain
from runbooks.images import fetching
from runbooks.images.choosing import Candidate
from runbooks.images.decoding import Decoder, Picture, Prepared
from runbooks.images.fetching import Fetched, fetch, image_door
from runbooks.images.refusals import ImageRefused, Refusal
from tests.bookops.outbound.rude_server import RudeServer, answer, redirect, running
from tests.runbooks.images import pictures

PHOTO = bytes(20_000)


def address(number: int | str) -> str:
    return f"https://i.ebayimg.com/images/g/{number}/s-l1600.jpg"


class FakeDoor:
    """Answer each address with what was put there, in turn; a photo of its own where nothing was."""

    def __init__(self, **answers: object) -> None:
        self.answers = {address(name): list(turns) if isinstance(turns, list) else [turns] for name, turns in answers.items()}
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self.before: Callable[[], object] = lambda: None
        self._lock = threading.Lock()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        with self._lock:
            self.asked.append(url)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            turns = self.answers.get(url, [])
            said = turns.pop(0) if len(turns) > 1 else turns[0] if turns else PHOTO + url.encode()
        self.before()
        with self._lock:
            self.at_once -= 1
        if isinstance(said, Exception):
            raise said
        return Answer(200, {}, said, 0.0)


class FakeDecoder:
    """Take every photo; the size is what a test says of its address."""

    def __init__(self, **sizes: tuple[int, int]) -> None:
        self.sizes = {address(name).encode(): size for name, size in sizes.items()}

    def prepare(self, data: bytes, *, patience: float = 0.0) -> Prepared:
        if data.startswith(b"<html>"):
            raise ImageRefused(Refusal.NOT_AN_IMAGE)
        picture = Picture(data, *self.sizes.get(data.removeprefix(PHOTO), (1200, 1600)))
        return Prepared(picture, picture, picture, hashlib.sha256(data).hexdigest(), "JPEG", len(data))


def positions(photos: tuple) -> list[int]:
    return [photo.position for photo in photos]


def reasons(photos) -> dict[int, str]:
    return {photo.position: photo.reason for photo in photos.left_out}


def test_photos_come_in_the_listings_order_several_at_once():
    door = FakeDoor()
    door.before = lambda: time.sleep(0.03)
    photos = fetch([address(number) for number in range(12)], door=door, decoder=FakeDecoder())
    assert positions(photos.kept) == list(range(12))
    assert [photo.url for photo in photos.kept] == [address(number) for number in range(12)]
    assert photos.left_out == ()
    assert 1 < door.most_at_once <= fetching.AT_ONCE


def test_progress_is_told_in_the_callers_own_thread_for_each_photo():
    told = []
    urls = [address(number) for number in range(19)]
    door = FakeDoor(**{"3": NotFound()})
    fetch(urls, door=door, decoder=FakeDecoder(), on_progress=lambda *counts: told.append((*counts, threading.get_ident())))
    assert told == [(done, 19, threading.get_ident()) for done in range(1, 20)]


def test_a_progress_that_raises_stops_it():
    def cancelled(done: int, total: int) -> None:
        raise InterruptedError

    door = FakeDoor()
    door.before = lambda: time.sleep(0.03)
    with pytest.raises(InterruptedError):
        fetch([address(number) for number in range(24)], door=door, decoder=FakeDecoder(), on_progress=cancelled)
    assert len(door.asked) < 24


def test_more_than_24_are_not_fetched_and_said_to_be_there():
    door = FakeDoor()
    photos = fetch([address(number) for number in range(30)], door=door, decoder=FakeDecoder())
    assert len(door.asked) == len(photos.kept) == 24
    assert reasons(photos) == dict.fromkeys(range(24, 30), Refusal.TOO_MANY)


def test_an_address_named_twice_is_one_photo():
    door = FakeDoor()
    photos = fetch([address(0), address(0), address(1)], door=door, decoder=FakeDecoder())
    assert sorted(door.asked) == [address(0), address(1)]
    assert positions(photos.kept) == [0, 1]


def test_each_photo_fails_alone_and_says_whether_it_may_come_back():
    door = FakeDoor(
        **{
            "0": NotFound("HTTP 404"),
            "1": Refused("not on the list", reason="forbidden_host"),
            "2": BadAnswer("16000000 bytes announced", reason="too_large"),
            "3": TryAgain("no answer in time", reason="timeout"),
            "4": b"<html>" * 3_000,
            "5": PHOTO[:9_999],
        }
    )
    photos = fetch([address(number) for number in range(7)], door=door, decoder=FakeDecoder())
    assert positions(photos.kept) == [6]
    assert reasons(photos) == {
        0: "not_found",
        1: "forbidden_host",
        2: "too_large",
        3: "timeout",
        4: "not_an_image",
        5: "too_small",
    }
    assert positions([photo for photo in photos.left_out if photo.may_come_back]) == [3]
    assert positions([photo for photo in photos.left_out if photo.is_by_rule]) == [5]


def test_a_photo_that_did_not_come_is_asked_for_once_more(monkeypatch):
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    door = FakeDoor(**{"0": [TryAgain(reason="cut_off"), PHOTO], "1": [TryAgain(reason="cut_off"), TryAgain(reason="http_503"), PHOTO]})
    photos = fetch([address(0), address(1)], door=door, decoder=FakeDecoder())
    assert positions(photos.kept) == [0]
    assert reasons(photos) == {1: "http_503"}


def test_a_host_that_asks_to_be_let_be_is_asked_again_when_it_said():
    door = FakeDoor(**{"0": [TryAgain(reason="rate_limited", retry_after=0.8), PHOTO]})
    started = time.monotonic()
    photos = fetch([address(0)], door=door, decoder=FakeDecoder())
    assert positions(photos.kept) == [0]
    assert time.monotonic() - started >= 0.8


def test_a_host_that_asks_to_be_let_be_for_too_long_is_not_waited_for():
    door = FakeDoor(**{"0": [TryAgain(reason="rate_limited", retry_after=3600.0), PHOTO]})
    photos = fetch([address(0)], door=door, decoder=FakeDecoder(), seconds=5.0)
    assert reasons(photos) == {0: "rate_limited"}
    assert photos.left_out[0].may_come_back


def test_what_is_late_is_given_up():
    door, go = FakeDoor(), threading.Event()
    door.before = lambda: go.wait(5)
    started = time.monotonic()
    photos = fetch([address(number) for number in range(8)], door=door, decoder=FakeDecoder(), seconds=0.2)
    assert time.monotonic() - started < 1.0
    go.set()
    assert reasons(photos) == dict.fromkeys(range(8), Refusal.OUT_OF_TIME)
    assert all(photo.may_come_back for photo in photos.left_out)
    assert len(door.asked) == fetching.AT_ONCE


def test_the_photos_of_a_listing_have_so_many_bytes_together(monkeypatch):
    monkeypatch.setattr(fetching, "MOST_BYTES", 50_000)
    monkeypatch.setattr(fetching, "AT_ONCE", 1)
    photos = fetch([address(number) for number in range(5)], door=FakeDoor(), decoder=FakeDecoder())
    assert positions(photos.kept) == [0, 1, 2]
    assert reasons(photos) == dict.fromkeys((3, 4), Refusal.TOO_LARGE)


def test_banners_and_duplicates_are_left_out_by_their_place_in_the_listing():
    door = FakeDoor(**{"1": NotFound(), "3": PHOTO + address(2).encode()})
    photos = fetch([address(number) for number in range(6)], door=door, decoder=FakeDecoder(**{"5": (1600, 400)}))
    assert positions(photos.kept) == [0, 2, 4]
    assert reasons(photos) == {1: "not_found", 3: Refusal.DUPLICATE, 5: Refusal.BANNER}


def test_what_is_known_is_not_fetched_again_and_still_compared():
    door, told = FakeDoor(), []
    known = {address(0): Candidate(9, 1200, 1600, hashlib.sha256(PHOTO + address(2).encode()).hexdigest()), address(1): None}
    photos = fetch(
        [address(number) for number in range(4)],
        door=door,
        decoder=FakeDecoder(),
        known=known,
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert sorted(door.asked) == [address(2), address(3)]
    assert [one.position for one in photos.kept] == [3]
    assert [(one.position, one.reason) for one in photos.left_out] == [(2, Refusal.DUPLICATE)], "the same as the first, which was kept"
    assert told == [(3, 4), (4, 4)]


def test_a_listing_without_photos_is_no_failure():
    photos = fetch([], door=FakeDoor(), decoder=FakeDecoder())
    assert (photos.kept, photos.left_out) == ((), ())


def test_photos_come_through_the_guarded_door_and_the_real_decoder_and_nothing_else_does():
    with running(RudeServer()) as server, running(RudeServer()) as inside:
        server.replies = {
            "/a.jpg": answer(200, pictures.jpeg(1600, 1200), "image/jpeg"),
            "/b.jpg": redirect(f"{inside.url}/latest/meta-data"),
            "/c.jpg": answer(200, b"<html>" * 4_000, "image/jpeg"),
            "/d.jpg": answer(200, bytes(15_000_001), "image/jpeg"),
        }
        decoder = Decoder(processes=1)
        photos = fetch(
            [
                *(f"{server.url}/{name}.jpg" for name in "abcd"),
                "https://169.254.169.254/e.jpg",
                "https://i.ebayimg.com.evil.example/f.jpg",
                "file:///etc/passwd",
            ],
            door=image_door(user_agent="bookops/1", hosts={"i.ebayimg.com"}, trusted_origins=[server.url]),
            decoder=decoder,
        )
        decoder.close()
    (only,) = photos.kept
    assert isinstance(only, Fetched)
    assert (only.position, only.prepared.full.width) == (0, 1600)
    assert reasons(photos) == {
        1: "forbidden_address",
        2: "not_an_image",
        3: "too_large",
        4: "forbidden_address",
        5: "forbidden_host",
        6: "forbidden_address",
    }
    assert inside.asked == []
