"""Pictures made for tests: photos as sellers take them, and files that are meant to hurt."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SECRET = b"51.5034N 0.1276W"


def photo(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Return something with the grain of a photo."""
    grain = Image.effect_noise((width // 4, height // 4), 80).resize((width, height))
    return Image.merge("RGB", (grain, Image.effect_noise((width, height), 20), grain)).convert(mode)


def saved(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def jpeg(width: int = 400, height: int = 300, **options: Any) -> bytes:
    return saved(photo(width, height), **options)


def quarters(width: int = 400, height: int = 200) -> Image.Image:
    """Return red, green, blue and white in the quarters, so that each turn of it looks different."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("green", (width // 2, 0, width, height // 2))
    image.paste("blue", (0, height // 2, width // 2, height))
    image.paste("white", (width // 2, height // 2, width, height))
    return image


def with_metadata() -> dict[str, bytes]:
    """Return pictures that say where they were taken in each way their formats have."""
    image = photo(400, 300)
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    text = PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    profile = b"\0" * 36 + b"acsp" + SECRET + b"\0" * 88
    return {
        "EXIF": saved(image, exif=exif),
        "a comment": saved(image, comment=SECRET),
        "XMP": saved(image, xmp=SECRET),
        "a colour profile": saved(image, icc_profile=profile),
        "PNG text": saved(image, "PNG", pnginfo=text, exif=exif, icc_profile=profile),
        "WebP": saved(image, "WEBP", exif=exif, xmp=SECRET, icc_profile=profile),
        "GIF": saved(image, "GIF", comment=SECRET),
        "behind the end": jpeg() + SECRET,
    }


def png(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2, extra: bytes = b"") -> bytes:
    """Return a PNG with these bytes for its rows, right or wrong."""
    header = struct.pack("!IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))


def zeros(count: int) -> bytes:
    """Return a zlib stream of zeros, made without holding them."""
    packer = zlib.compressobj(1)
    block = bytes(1 << 20)
    packed = [packer.compress(block) for _ in range(count >> 20)]
    return b"".join(packed) + packer.compress(bytes(count % (1 << 20))) + packer.flush()


def huge_jpeg(width: int, height: int) -> bytes:
    """Return a small JPEG whose header says another size."""
    data = bytearray(jpeg(64, 64))
    start = next(at for at in range(len(data)) if data[at : at + 2] == b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack("!HH", height, width)
    return bytes(data)


def gif_of_many_frames(frames: int = 10_000, *, width: int = 200, height: int = 200) -> bytes:
    first = saved(Image.new("L", (width, height), 90), "GIF")
    again = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return first[:-1] + again * frames + b"\x3b"


def progressive_bomb(scans: int = 3_000) -> bytes:
    """Return a JPEG of 36 megapixels that repaints itself over and over with scans of two bytes."""
    data = saved(Image.new("L", (6_000, 6_000)), progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:-2] + data[start:-2] * scans + b"\xff\xd9"


def zip_called_jpeg() -> bytes:
    file = io.BytesIO(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("run.sh", "#!/bin/sh\n" * 2_000)
    return file.getvalue()


def noise(count: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(count)


#: What is to be refused, by what it does.
REFUSED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a page": lambda: b"<html><body>Access denied</body></html>" * 500,
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "noise": lambda: noise(200_000),
    "noise that begins as a JPEG": lambda: b"\xff\xd8\xff\xe0" + noise(200_000),
    "a zip that begins as a JPEG": zip_called_jpeg,
    "a JPEG cut off": lambda: jpeg()[:9_000],
    "a PNG cut off": lambda: saved(photo(400, 300), "PNG")[:90_000],
    "a WebP cut off": lambda: saved(photo(400, 300), "WEBP")[:9_000],
    "a GIF cut off": lambda: saved(photo(400, 300), "GIF")[:9_000],
    "a PNG of 900 megapixels": lambda: png(30_000, 30_000, zeros(27_000_000)),
    "a PNG of 41 megapixels": lambda: png(6_500, 6_400, zeros(6_500 * 3 * 6_400 + 6_400)),
    "a PNG as wide as a number goes": lambda: png(0x7FFFFFFF, 0x7FFFFFFF, b""),
    "a JPEG of 65,500 by 65,500": lambda: huge_jpeg(65_500, 65_500),
    "a GIF of 65,535 by 65,535": lambda: b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b"\x3b",
    "BMP": lambda: saved(photo(400, 300), "BMP"),
    "TIFF": lambda: saved(photo(400, 300), "TIFF"),
    "ICO": lambda: saved(photo(64, 64), "ICO"),
    "PPM": lambda: saved(photo(400, 300), "PPM"),
    "TGA": lambda: saved(photo(400, 300), "TGA"),
    "JPEG 2000": lambda: saved(photo(400, 300), "JPEG2000"),
    "AVIF": lambda: saved(photo(400, 300), "AVIF"),
    "EPS": lambda: saved(photo(64, 64), "EPS"),
    "PDF": lambda: saved(photo(64, 64), "PDF"),
}

#: What may be taken or refused, as long as it costs no more than any other image.
HEAVY: dict[str, Callable[[], bytes]] = {
    "a GIF of 10,000 frames": gif_of_many_frames,
    "a GIF of 900,000 frames": lambda: gif_of_many_frames(900_000),
    "a JPEG of 3,000 scans": progressive_bomb,
    "a PNG of 39 megapixels with alpha": lambda: png(6_300, 6_200, zeros((6_300 * 4 + 1) * 6_200), colour=6),
    "a WebP of 16,383 by 2,400": lambda: saved(Image.new("RGB", (16_383, 2_400), "brown"), "WEBP", method=0),
    "a PNG with 512 MB of text": lambda: png(400, 300, zeros(400 * 3 * 300 + 300), extra=chunk(b"zTXt", b"Comment\0\0" + zeros(1 << 29))),
    "a PNG with 512 MB behind its rows": lambda: png(400, 300, zeros(1 << 29)),
    "a JPEG with an EXIF of garbage": lambda: jpeg(exif=b"Exif\0\0MM\0*" + noise(40_000)),
}
