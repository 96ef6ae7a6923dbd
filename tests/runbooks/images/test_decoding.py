import contextlib
import errno
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageOps

from runbooks.images.decoding import Decoder
from runbooks.images.reducing import PHOTO_TOKENS, STANDARD, tokens_of
from runbooks.images.refusals import ImageRefused, Refusal
from tests.runbooks.images import pictures
from tests.shared_data import shared_path

FOUR = {"JPEG", "PNG", "WEBP", "GIF"}
#: An image may be refused with these; anything else means that a process was lost or is missing.
SAID_CALMLY = {Refusal.NOT_AN_IMAGE, Refusal.BROKEN, Refusal.TOO_MANY_PIXELS, Refusal.BOMB}


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder(processes=1)
    yield decoder
    decoder.close()


@contextlib.contextmanager
def decoders(**options) -> Iterator[Decoder]:
    decoder = Decoder(**options)
    yield decoder
    decoder.close()


def opened(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg))
    image.load()
    return image


def refusal(decoder: Decoder, data: bytes) -> Refusal | None:
    try:
        decoder.prepare(data)
    except ImageRefused as error:
        return error.reason
    return None


def peak_memory(pid: int) -> int:
    """Return the most address space that a process ever had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmPeak")))


def colour(image: Image.Image, x: float, y: float) -> str:
    """Name the colour at a place given as shares of the sides."""
    shades = image.convert("RGB").getpixel((int(image.width * x), int(image.height * y)))
    return "".join(name if shade > 100 else "-" for name, shade in zip("rgb", shades, strict=True))


def test_a_photo_comes_in_three_sizes_with_what_it_was(decoder):
    data = pictures.jpeg(1600, 1200)
    prepared = decoder.prepare(data)

    assert (prepared.full.width, prepared.full.height) == opened(prepared.full.jpeg).size == (1600, 1200)
    assert (prepared.reduced.width, prepared.reduced.height) == opened(prepared.reduced.jpeg).size == (896, 672)
    assert tokens_of(prepared.reduced.width, prepared.reduced.height, STANDARD) <= PHOTO_TOKENS
    assert (prepared.thumbnail.width, prepared.thumbnail.height) == opened(prepared.thumbnail.jpeg).size == (240, 180)
    assert (prepared.format_before, prepared.bytes_before) == ("JPEG", len(data))


def test_a_large_photo_is_brought_to_2000_pixels(decoder):
    prepared = decoder.prepare(pictures.jpeg(4000, 3000))
    assert (prepared.full.width, prepared.full.height) == (2000, 1500)


def test_a_small_photo_is_not_enlarged(decoder):
    prepared = decoder.prepare(pictures.jpeg(120, 80))
    assert [(one.width, one.height) for one in (prepared.full, prepared.reduced, prepared.thumbnail)] == [(120, 80)] * 3


@pytest.mark.parametrize("format", sorted(FOUR))
def test_each_of_the_four_formats_becomes_a_jpeg(decoder, format):
    prepared = decoder.prepare(pictures.saved(pictures.quarters(), format))
    image = opened(prepared.full.jpeg)
    assert (prepared.format_before, image.format, image.size) == (format, "JPEG", (400, 200))
    assert [colour(image, x, y) for y in (0.25, 0.75) for x in (0.25, 0.75)] == ["r--", "-g-", "--b", "rgb"]


@pytest.mark.parametrize("way", pictures.with_metadata())
def test_no_metadata_is_left(decoder, way):
    data = pictures.with_metadata()[way]
    assert pictures.SECRET in data or way == "PNG text"
    prepared = decoder.prepare(data)
    for picture in (prepared.full, prepared.reduced, prepared.thumbnail):
        assert pictures.SECRET not in picture.jpeg
        assert set(opened(picture.jpeg).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert not opened(picture.jpeg).getexif()


def test_the_same_pixels_have_the_same_digest_whatever_their_metadata(decoder):
    image = pictures.photo(400, 300)
    plain, commented = pictures.saved(image), pictures.saved(image, comment=b"second upload")
    assert plain != commented
    assert decoder.prepare(plain).digest == decoder.prepare(commented).digest
    assert decoder.prepare(plain).digest != decoder.prepare(pictures.jpeg()).digest


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_turned_photo_is_brought_upright(decoder, orientation, format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = pictures.saved(pictures.quarters(), format, exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image = opened(decoder.prepare(data).full.jpeg)
    places = [(x, y) for y in (0.25, 0.75) for x in (0.25, 0.75)]
    assert image.size == expected.size
    assert [colour(image, *place) for place in places] == [colour(expected, *place) for place in places]


def test_what_can_be_looked_through_becomes_white(decoder):
    clear = pictures.quarters().convert("RGBA")
    clear.paste((255, 0, 0, 0), (0, 0, 200, 100))
    palette = clear.quantize(16)
    grey = Image.new("LA", (40, 40), (0, 0))
    for data in (pictures.saved(clear, "PNG"), pictures.saved(palette, "PNG"), pictures.saved(clear, "WEBP"), pictures.saved(grey, "PNG")):
        assert colour(opened(decoder.prepare(data).full.jpeg), 0.25, 0.25) == "rgb"


def test_every_mode_keeps_its_brightness(decoder):
    for image, format in (
        (Image.new("I;16", (300, 300), 0x8000), "PNG"),
        (Image.new("L", (300, 300), 128), "JPEG"),
        (Image.new("RGB", (300, 300), (128, 128, 128)).convert("CMYK"), "JPEG"),
        (Image.new("RGB", (300, 300), (128, 128, 128)).quantize(2), "GIF"),
    ):
        shown = opened(decoder.prepare(pictures.saved(image, format)).full.jpeg).convert("L").getpixel((150, 150))
        assert abs(shown - 128) <= 3, image.mode
    assert colour(opened(decoder.prepare(pictures.saved(Image.new("1", (300, 300), 1), "PNG")).full.jpeg), 0.5, 0.5) == "rgb"


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_of_a_moving_image_the_first_frame_is_taken(decoder, format):
    frames = [Image.new("RGB", (300, 300), name) for name in ("red", "blue")]
    data = pictures.saved(frames[0], format, save_all=True, append_images=frames[1:])
    assert colour(opened(decoder.prepare(data).full.jpeg), 0.5, 0.5) == "r--"


def test_of_a_phones_double_photo_only_the_jpeg_is_taken(decoder):
    frames = [Image.new("RGB", (300, 300), name) for name in ("red", "blue")]
    data = pictures.saved(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    assert decoder.prepare(data).format_before == "JPEG"


@pytest.mark.parametrize("kind", pictures.REFUSED)
def test_it_refuses(decoder, kind):
    assert refusal(decoder, pictures.REFUSED[kind]()) in SAID_CALMLY


def test_it_refuses_more_bytes_than_an_image_may_have_without_looking(decoder):
    assert refusal(decoder, pictures.jpeg() + bytes(15_000_000)) == Refusal.TOO_LARGE


def test_a_refusal_says_what_is_wrong(decoder):
    kinds = {"a page": Refusal.NOT_AN_IMAGE, "a JPEG cut off": Refusal.BROKEN, "a JPEG of 65,500 by 65,500": Refusal.TOO_MANY_PIXELS}
    assert {kind: refusal(decoder, pictures.REFUSED[kind]()) for kind in kinds} == kinds


@pytest.mark.parametrize("kind", pictures.HEAVY)
def test_nothing_costs_more_than_five_seconds_or_512_megabytes(kind):
    data = pictures.HEAVY[kind]()
    with decoders(processes=1) as decoder:
        decoder.warm()
        (pid,) = decoder.idle
        started = time.monotonic()
        reason = refusal(decoder, data)
        assert time.monotonic() - started < 6.0
        if psutil.pid_exists(pid):
            assert peak_memory(pid) <= 512 << 20
        else:
            assert reason == Refusal.TIMEOUT
        assert decoder.prepare(pictures.jpeg()).format_before == "JPEG"


@pytest.mark.shared
def test_the_hostile_corpus_kills_nothing_and_opens_as_nothing_but_the_four_formats():
    files = [path for folder in ("images", "svg") for path in shared_path("data", "hostile", folder).iterdir()]
    assert len(files) > 60
    formats, slowest = set(), 0.0
    with decoders(processes=1, images_each=1_000) as decoder:
        decoder.warm()
        (pid,) = decoder.idle
        for path in files:
            started = time.monotonic()
            try:
                formats.add(decoder.prepare(path.read_bytes()).format_before)
            except ImageRefused as error:
                assert error.reason in SAID_CALMLY, path.name
            slowest = max(slowest, time.monotonic() - started)
        assert psutil.pid_exists(pid)
        assert peak_memory(pid) <= 512 << 20
    assert formats
    assert formats <= FOUR
    assert slowest <= 5.0


def test_a_process_is_kept_warm_and_replaced_after_its_share_of_images():
    with decoders(processes=1, images_each=2) as decoder:
        met = []
        for _ in range(4):
            decoder.prepare(pictures.jpeg())
            met.append(list(decoder.idle))
        (first,), ended, (second,), ended_again = met
        assert ended == ended_again == []
        assert first != second


def test_a_process_that_died_while_idle_costs_no_image():
    with decoders(processes=1) as decoder:
        decoder.warm()
        (pid,) = decoder.idle
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(pid)], timeout=5) if psutil.pid_exists(pid) else None
        assert decoder.prepare(pictures.jpeg()).format_before == "JPEG"
        assert decoder.idle != [pid]


def test_a_process_that_dies_over_an_image_costs_that_image_only():
    with decoders(processes=1) as decoder, ThreadPoolExecutor(1) as elsewhere:
        decoder.warm()
        (pid,) = decoder.idle
        os.kill(pid, signal.SIGSTOP)
        waiting = elsewhere.submit(refusal, decoder, pictures.jpeg())
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        assert waiting.result() == Refusal.CRASHED
        assert decoder.prepare(pictures.jpeg()).format_before == "JPEG"


def test_a_process_that_hangs_is_ended():
    with decoders(processes=1, longest=0.3) as decoder:
        decoder.warm()
        (pid,) = decoder.idle
        os.kill(pid, signal.SIGSTOP)
        assert refusal(decoder, pictures.jpeg()) == Refusal.TIMEOUT
        assert not psutil.pid_exists(pid)
        assert decoder.prepare(pictures.jpeg()).format_before == "JPEG"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\xff\xd8\xff\n",
        b"[]\n",
        b"5\n",
        b"[" * 100_000 + b"\n",
        b'{"refused": "because", "detail": ""}\n',
        b'{"format": "JPEG", "jpegs": []}\n',
        b'{"format": "JPEG", "jpegs": [[1, 1, 6], [1, 1, 6], [1, 1, 6]]}\n<html>' + b"<html>" * 2,
        b'{"format": "JPEG", "jpegs": [[1, 1, 90000000000], [1, 1, 6], [1, 1, 6]]}\n',
        b'{"format": "JPEG", "jpegs": [[1, 1, -1], [1, 1, 6], [1, 1, 6]]}\n',
        b'{"format": "JPEG", "jpegs": [[Infinity, 1, 3], [1, 1, 3], [1, 1, 3]]}\n' + b"\xff\xd8\xff" * 3,
        b'{"format": "JPEG", "jpegs": [["<b>", 1, 3], [1, 1, 3], [1, 1, 3]]}\n' + b"\xff\xd8\xff" * 3,
    ],
)
def test_a_process_that_an_image_has_taken_over_gets_nothing_across(said):
    script = (
        f"import sys; sys.stdout.buffer.write(b'\\n'); sys.stdout.flush(); sys.stdin.buffer.read(100); sys.stdout.buffer.write({said!r})"
    )
    with decoders(processes=1, command=(sys.executable, "-c", script)) as decoder:
        assert refusal(decoder, pictures.jpeg()) == Refusal.CRASHED
        assert decoder.idle == []


def test_a_process_that_drips_its_answer_is_ended_in_time():
    script = "import time; print(flush=True)\nwhile True: print('{', end='', flush=True); time.sleep(0.05)"
    with decoders(processes=1, longest=0.5, command=(sys.executable, "-c", script)) as decoder:
        started = time.monotonic()
        assert refusal(decoder, pictures.jpeg()) == Refusal.TIMEOUT
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("command", [("/no/such/python",), (sys.executable, "-c", "raise SystemExit(1)")])
def test_a_process_that_cannot_start_says_nothing_against_the_image(command):
    with decoders(command=command) as decoder:
        assert refusal(decoder, pictures.jpeg()) == Refusal.NO_DECODER


def test_many_threads_share_a_few_processes_and_get_their_own_photos():
    sizes = [(200 + number, 150) for number in range(24)]
    with decoders(processes=2) as decoder, ThreadPoolExecutor(12) as threads:
        prepared = list(threads.map(lambda size: decoder.prepare(pictures.jpeg(*size)), sizes))
        assert len(decoder.idle) <= 2
    assert [(one.full.width, one.full.height) for one in prepared] == sizes


def test_who_finds_all_processes_busy_waits_as_long_as_he_said():
    with decoders(processes=1, longest=1.0) as decoder, ThreadPoolExecutor(1) as elsewhere:
        decoder.warm()
        os.kill(decoder.idle[0], signal.SIGSTOP)
        busy = elsewhere.submit(refusal, decoder, pictures.jpeg())
        while decoder.idle:
            time.sleep(0.01)
        with pytest.raises(ImageRefused) as caught:
            decoder.prepare(pictures.jpeg(), patience=0.1)
        assert caught.value.reason == Refusal.NO_DECODER
        assert busy.result() == Refusal.TIMEOUT


def test_an_interrupted_borrower_leaves_no_half_answer_for_the_next(decoder):
    class SoftTimeLimit(Exception):
        pass

    def interrupt(*_):
        raise SoftTimeLimit

    decoder.warm()
    (pid,) = decoder.idle
    os.kill(pid, signal.SIGSTOP)
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(SoftTimeLimit):
            decoder.prepare(pictures.jpeg())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not psutil.pid_exists(pid)
    assert decoder.prepare(pictures.jpeg(320, 200)).full.width == 320


def test_a_forked_worker_starts_processes_of_its_own():
    with decoders(processes=1) as decoder:
        decoder.warm()
        (pid,) = decoder.idle
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                decoder.prepare(pictures.jpeg())
                os._exit(0 if decoder.idle not in ([], [pid]) else 1)
            os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert decoder.prepare(pictures.jpeg()).format_before == "JPEG"
        assert decoder.idle == [pid]


def test_the_process_goes_when_its_parent_is_killed():
    script = (
        "import os, signal; from runbooks.images.decoding import Decoder; decoder = Decoder(); decoder.warm()\n"
        "print(decoder.idle[0], flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], capture_output=True, text=True)
    pid = int(killed.stdout)
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)
    assert killed.returncode == -signal.SIGKILL
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_process_is_told_no_secret(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-do-not-tell")
    with decoders(processes=1) as decoder:
        decoder.warm()
        environment = Path(f"/proc/{decoder.idle[0]}/environ").read_bytes().split(b"\0")
    assert [variable.partition(b"=")[0] for variable in environment if variable] == [b"PYTHONPATH"]


def test_nothing_can_be_opened_from_where_images_are_decoded():
    script = """
import os, socket
from runbooks.images import decoder_process
decoder_process._lock_down()
attempts = [socket.socket, socket.socketpair, os.pipe, lambda: open("/etc/passwd"), lambda: os.listdir("/")]
for attempt in attempts:
    try:
        attempt()
    except OSError as error:
        os.write(1, f"{error.errno} ".encode())
try:
    bytearray(600 << 20)
except MemoryError:
    os.write(1, b"memory")
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert ran.stdout == f"{errno.EMFILE} " * 5 + "memory"


def test_processor_time_ends_an_image_when_nobody_watches():
    script = """
from runbooks.images import decoder_process
decoder_process.CPU_SECONDS = 0
decoder_process._allow_processor_time()
while True:
    pass
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3])
    assert ran.returncode == -signal.SIGXCPU
