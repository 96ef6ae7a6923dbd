"""The process that decodes: hostile bytes come in, JPEGs made here go out, and nothing else can be reached from it.

It is started by `decoding` and speaks over one socket: four bytes of length and an image in, a line of JSON and the JPEGs out.
"""

from __future__ import annotations

import json
import math
import resource
import struct
import sys
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

from PIL import Image, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401 - see _lock_down

from runbooks.images.reducing import PHOTO_TOKENS, fitted
from runbooks.images.refusals import ImageRefused, Refusal

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MAX_PIXELS = 40_000_000
#: Pixels. Beyond 20 images a model takes none that is larger, and eBay keeps none above 1600.
FULL_EDGE = 2000
THUMBNAIL_EDGE = 240
QUALITY = 85
MEMORY = 512 << 20
#: Of processor time for one image; the other side's clock is the stricter one.
CPU_SECONDS = 5

_ORIENTATION = 0x0112
#: Orientation of EXIF -> what brings the image upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class _Jpeg:
    data: bytes
    width: int
    height: int


def main() -> None:
    """Answer images until the other side hangs up."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    _lock_down()
    answers.write(b"\n")  # ready
    answers.flush()
    while len(prefix := requests.read(4)) == 4:
        data = requests.read(struct.unpack("!I", prefix)[0])
        _allow_processor_time()
        _answer(data, answers)


def _lock_down() -> None:
    """Give up memory beyond the cap and, with the right to open any descriptor, all files and the network.

    Nothing can be imported any more then: what reads WebP and EXIF was imported above, the other formats are now.
    """
    Image.preinit()
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    # Pillow's own factory would go on to read the further images of an MPO.
    Image.register_open("JPEG", JpegImagePlugin.JpegImageFile)
    for limit, value in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 0)):
        resource.setrlimit(limit, (value, value))


def _allow_processor_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _answer(data: bytes, answers: BinaryIO) -> None:
    jpegs: list[_Jpeg] = []
    said: dict[str, Any]
    try:
        format_before, jpegs = prepare(data)
        said = {"format": format_before, "jpegs": [(one.width, one.height, len(one.data)) for one in jpegs]}
    except ImageRefused as error:
        said = {"refused": error.reason, "detail": error.detail}
    answers.write(json.dumps(said).encode() + b"\n")
    for one in jpegs:
        answers.write(one.data)
    answers.flush()


def prepare(data: bytes) -> tuple[str, list[_Jpeg]]:
    """Return the format found and the image as JPEGs without metadata: full, reduced and thumbnail; raises ImageRefused."""
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
        format_before = str(image.format)
        full = _full(image)
        del image
        reduced = _resized(full, fitted(*full.size, tokens=PHOTO_TOKENS))
        thumbnail = _resized(reduced, fitted(*reduced.size, long_edge=THUMBNAIL_EDGE))
        return format_before, [_jpeg(one) for one in (full, reduced, thumbnail)]
    except UnidentifiedImageError as error:
        raise ImageRefused(Refusal.NOT_AN_IMAGE) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageRefused(Refusal.TOO_MANY_PIXELS) from error
    except MemoryError as error:
        raise ImageRefused(Refusal.BOMB) from error
    except Exception as error:
        # Hostile bytes make Pillow raise anything, SyntaxError included.
        raise ImageRefused(Refusal.BROKEN, type(error).__name__) from error


def _full(image: Image.Image) -> Image.Image:
    """Return the first frame upright, on white and no larger than FULL_EDGE. Nobody counts the other frames: that alone can take minutes."""
    image.draft(None, fitted(*image.size, long_edge=FULL_EDGE))  # lets a JPEG be decoded at a half, a quarter or an eighth
    image.load()
    upright = _turn_of(image)
    plain = _plain(image)
    full = _on_white(_resized(plain, fitted(*plain.size, long_edge=FULL_EDGE)))
    return full if upright is None else full.transpose(upright)


def _turn_of(image: Image.Image) -> Image.Transpose | None:
    try:
        return _UPRIGHT.get(int(image.getexif().get(_ORIENTATION, 1)))
    except Exception:  # as hostile as the rest; a photo whose EXIF cannot be read is taken as it is
        return None


def _plain(image: Image.Image) -> Image.Image:
    """Return the image in a mode that can be resized: grey, RGB, or RGBA where a part of it can be looked through."""
    if image.mode.startswith("I"):  # 16 bits of grey, which convert() would cut off instead of scaling
        return image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    # Three times as fast as Lanczos, and nobody sees the difference in print or leather.
    return image.resize(size, Image.Resampling.HAMMING, reducing_gap=1.5)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _jpeg(image: Image.Image) -> _Jpeg:
    """Encode pixels alone: what `info` holds of EXIF, profiles and comments stays behind."""
    image.info.clear()
    written = BytesIO()
    image.save(written, "JPEG", quality=QUALITY)
    return _Jpeg(written.getvalue(), *image.size)


if __name__ == "__main__":
    main()
