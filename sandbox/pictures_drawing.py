"""How the photographs look: boards, spines, title pages and pages on a table, with the damage they are said to have."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFont

from sandbox.listings_records import Copy, Shot, Work

PAPER = "#efe6cf"
GILT = "#c9a24b"
INK = "#2b2118"
TABLE = "#8d8478"

Box = tuple[float, float, float, float]


class Scene:
    """A picture being drawn; every measure is a share of its width or height."""

    def __init__(self, size: tuple[int, int], ground: str, seed: int) -> None:
        self.image = Image.new("RGB", size, ground)
        self.pen = ImageDraw.Draw(self.image)
        self.chance = random.Random(seed)

    def box(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Return a box in pixels."""
        return (left * self.image.width, top * self.image.height, right * self.image.width, bottom * self.image.height)

    def point_in(self, box: Box) -> tuple[float, float]:
        """Return a place somewhere in a box."""
        return self.chance.uniform(box[0], box[2]), self.chance.uniform(box[1], box[3])

    def write(self, words: str, box: Box, *, colour: str = INK, share: float = 0.1, lines: int = 6) -> None:
        """Write words in the middle of a box, in letters as high as this share of it, on as many lines as they need."""
        font = ImageFont.load_default(max(10.0, (box[3] - box[1]) * share))
        text = _wrapped(words, font, box[2] - box[0], lines)
        self.pen.multiline_text(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), text, fill=colour, font=font, anchor="mm", align="center")


def drawn(shot: Shot, work: Work, copy: Copy, *, seed: int) -> Image.Image:
    """Return the picture that a shot is, at the size it was uploaded in."""
    scene = Scene(_size_of(shot), TABLE, seed)
    book = SHOTS[shot.kind](scene, shot, work, copy)
    for defect in shot.defects:
        DAMAGE[defect](scene, book)
    return _grained(scene.image)


def _size_of(shot: Shot) -> tuple[int, int]:
    width, height = {"banner": (16, 5), "set": (16, 10), "spine": (10, 16)}.get(shot.kind, (12, 16))
    scale = shot.size / max(width, height)
    return round(width * scale), round(height * scale)


def _grained(image: Image.Image) -> Image.Image:
    """Return the picture with the grain of a photograph, without which it would be a few kilobytes and nothing like one."""
    grain = Image.new("L", image.size)
    tile = _grain_tile()
    for left in range(0, image.width, tile.width):
        for top in range(0, image.height, tile.height):
            grain.paste(tile, (left, top))
    return ImageChops.subtract(image, Image.merge("RGB", (grain, grain, grain)))


@lru_cache(maxsize=1)
def _grain_tile() -> Image.Image:
    noise = random.Random(1).randbytes(256 * 256)
    return Image.frombytes("L", (256, 256), bytes(value % 12 for value in noise))


def _wrapped(words: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float, lines: int) -> str:
    rows = [""]
    for word in words.split():
        longer = f"{rows[-1]} {word}".strip()
        if font.getlength(longer) > width * 0.92 and rows[-1]:
            rows.append(word)
        else:
            rows[-1] = longer
    return "\n".join(rows[:lines])


# What the pictures are of. Each draws and returns where the book is in it.


def _board(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    board = scene.box(0.12, 0.08, 0.88, 0.92)
    scene.pen.rectangle(board, fill=copy.colour)
    frame = scene.box(0.18, 0.12, 0.82, 0.88)
    scene.pen.rectangle(frame, outline=GILT, width=max(2, scene.image.width // 200))
    if shot.kind == "front":
        scene.write(f"{work.title} by {work.author}", frame, colour=GILT, share=0.06)
    return board


def _spine(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    return _upright(scene, (0.28, 0.04, 0.72, 0.96), work.title, copy)


def _set(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    width = 0.84 / max(copy.volumes, 1)
    for place in range(copy.volumes):
        left = 0.08 + place * width
        _upright(scene, (left, 0.1, left + width * 0.94, 0.94), f"{work.title} {_roman(place + 1)}", copy)
    return scene.box(0.08, 0.1, 0.92, 0.94)


def _upright(scene: Scene, share: Box, words: str, copy: Copy) -> Box:
    spine = scene.box(*share)
    scene.pen.rectangle(spine, fill=copy.colour, outline=INK, width=3)
    height = spine[3] - spine[1]
    for band in range(1, 6):
        level = spine[1] + height * band / 6
        scene.pen.line((spine[0], level, spine[2], level), fill=GILT, width=max(2, int(height / 90)))
    scene.write(words, (spine[0], spine[1] + height / 6, spine[2], spine[1] + height / 3), colour=GILT, share=0.17)
    return spine


def _title_page(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    page = _sheet(scene)
    middle = scene.box(0.16, 0.12, 0.84, 0.6)
    scene.write(f"{work.title} by {work.author}", middle, share=0.11)
    scene.write(f"{work.publisher} {work.year}", scene.box(0.16, 0.72, 0.84, 0.9), share=0.2)
    return page


def _pages(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    page = _sheet(scene)
    for row in range(28):
        level = scene.image.height * (0.12 + row * 0.028)
        scene.pen.line((scene.image.width * 0.16, level, scene.image.width * (0.84 if row % 7 else 0.5), level), fill="#6b5f4d", width=4)
    return page


def _plate(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    page = _sheet(scene)
    for ring in range(7):
        shrink = ring * 0.035
        scene.pen.ellipse(scene.box(0.2 + shrink, 0.2 + shrink, 0.8 - shrink, 0.75 - shrink), outline="#5d5344", width=4)
    return page


def _endpaper(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    page = _sheet(scene, colour="#d8c9b8")
    for row in range(24):
        level = scene.image.height * row / 24
        wave = [(x, level + math.sin(x / 60 + row) * 22) for x in range(0, scene.image.width, 20)]
        scene.pen.line(wave, fill="#a4556a" if row % 2 else "#4a6a86", width=6)
    return page


def _signature(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    turn_in = scene.box(0.05, 0.35, 0.95, 0.65)
    scene.pen.rectangle(turn_in, fill=copy.colour)
    scene.write(shot.words or copy.signature, turn_in, colour=GILT, share=0.2)
    return turn_in


def _edges(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    block = scene.box(0.15, 0.1, 0.85, 0.9)
    scene.pen.rectangle(block, fill=PAPER)
    for line in range(60):
        x = block[0] + (block[2] - block[0]) * line / 60
        scene.pen.line((x, block[1], x, block[3]), fill="#d6c7a4", width=2)
    return block


def _note(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    card = _sheet(scene, colour="#ffffff")
    scene.write(shot.words, card, share=0.05, lines=14)
    return card


def _banner(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    whole = scene.box(0, 0, 1, 1)
    scene.pen.rectangle(whole, fill="#12356b")
    scene.write(shot.words, whole, colour="#ffd84a", share=0.22)
    return whole


def _unrelated(scene: Scene, shot: Shot, work: Work, copy: Copy) -> Box:
    cup = scene.box(0.25, 0.35, 0.7, 0.8)
    scene.pen.rounded_rectangle(cup, radius=60, fill="#2f8f83")
    scene.pen.ellipse(scene.box(0.62, 0.45, 0.86, 0.7), outline="#2f8f83", width=30)
    scene.write(shot.words, cup, colour="#ffffff", share=0.12)
    return cup


def _sheet(scene: Scene, colour: str = PAPER) -> Box:
    page = scene.box(0.08, 0.05, 0.92, 0.95)
    scene.pen.rectangle(page, fill=colour, outline="#b5a88a", width=3)
    return page


def _roman(number: int) -> str:
    return ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")[number - 1] if number <= 10 else str(number)


# What is wrong with them.


def _foxing(spots: int) -> Callable[[Scene, Box], None]:
    def fox(scene: Scene, book: Box) -> None:
        for _ in range(spots):
            x, y = scene.point_in(book)
            radius = scene.chance.uniform(0.002, 0.009) * max(scene.image.size)
            scene.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=scene.chance.choice(("#b98a4e", "#a8753a", "#c79a63")))

    return fox


def _torn(scene: Scene, book: Box) -> None:
    top, middle = book[1], (book[0] + book[2]) / 2
    width, depth = (book[2] - book[0]) / 2, (book[3] - book[1]) * 0.2
    edge = [(middle - width, top), (middle + width, top)]
    steps = [(middle + width - 2 * width * step / 10, top + depth * scene.chance.uniform(0.4, 1)) for step in range(11)]
    scene.pen.polygon([*edge, *steps], fill="#d9c8a0", outline=INK)


def _sunned(scene: Scene, book: Box) -> None:
    left, top, right, bottom = map(int, book)
    pale = Image.new("RGB", (right - left, bottom - top), "#c8b08a")
    scene.image.paste(Image.blend(scene.image.crop((left, top, right, bottom)), pale, 0.45), (left, top))


def _detached(scene: Scene, book: Box) -> None:
    """Leave a gap between board and text block and let the board hang askew."""
    width = book[2] - book[0]
    scene.pen.polygon(
        [(book[0], book[1]), (book[0] + width * 0.2, book[1]), (book[0] + width * 0.08, book[3]), (book[0], book[3])], fill="#3b3630"
    )
    scene.pen.line((book[0] + width * 0.2, book[1], book[0] + width * 0.08, book[3]), fill=PAPER, width=18)


def _cracked(scene: Scene, book: Box) -> None:
    x = book[0] + (book[2] - book[0]) * 0.1
    levels = range(int(book[1]), int(book[3]), 40)
    scene.pen.line([(x + scene.chance.uniform(-12, 12), level) for level in levels], fill="#120c06", width=9)


def _pasted(words: str, colour: str) -> Callable[[Scene, Box], None]:
    def paste(scene: Scene, book: Box) -> None:
        width, height = book[2] - book[0], book[3] - book[1]
        label = (book[0] + width * 0.3, book[1] + height * 0.1, book[0] + width * 0.7, book[1] + height * 0.32)
        scene.pen.rectangle(label, fill=colour, outline=INK, width=4)
        scene.write(words, label, share=0.22)

    return paste


def _inscribed(scene: Scene, book: Box) -> None:
    width, height = book[2] - book[0], book[3] - book[1]
    line = (book[0] + width * 0.1, book[1] + height * 0.05, book[0] + width * 0.9, book[1] + height * 0.2)
    scene.write("Mary, from her Aunt, Christmas 1871", line, colour="#31406b", share=0.3)


def _stained(scene: Scene, book: Box) -> None:
    width, height = book[2] - book[0], book[3] - book[1]
    scene.pen.ellipse((book[0] + width * 0.4, book[1] + height * 0.6, book[2], book[3]), outline="#9a7b4f", width=22)


def _rubbed(scene: Scene, book: Box) -> None:
    reach = (book[2] - book[0]) * 0.09
    for x, across in ((book[0], reach), (book[2], -reach)):
        for y, down in ((book[1], reach), (book[3], -reach)):
            scene.pen.polygon([(x, y), (x + across, y), (x, y + down)], fill="#cbb68c")


def _taped(scene: Scene, book: Box) -> None:
    middle, height = (book[0] + book[2]) / 2, book[3] - book[1]
    scene.pen.rectangle((middle - 60, book[1], middle + 60, book[1] + height), fill="#d8c77a", outline="#b39f4e")


def _loose(scene: Scene, book: Box) -> None:
    width = book[2] - book[0]
    leaf = [
        (book[0] + width * 0.3, book[1] - 30),
        (book[2] + 40, book[1] + 60),
        (book[2] + 10, book[3] - 90),
        (book[0] + width * 0.25, book[3] - 140),
    ]
    scene.pen.polygon(leaf, fill="#f6efdc", outline=INK)


SHOTS: dict[str, Callable[[Scene, Shot, Work, Copy], Box]] = {
    **{"front": _board, "back": _board, "hinge": _board, "spine": _spine, "set": _set, "title page": _title_page, "pages": _pages},
    **{"endpaper": _endpaper, "plate": _plate, "edges": _edges, "signature": _signature, "note": _note, "banner": _banner},
    "unrelated": _unrelated,
}

DAMAGE: dict[str, Callable[[Scene, Box], None]] = {
    "light foxing": _foxing(40),
    "heavy foxing": _foxing(400),
    "torn spine": _torn,
    "sunned spine": _sunned,
    "detached board": _detached,
    "cracked hinge": _cracked,
    "bookplate": _pasted("EX LIBRIS J. Hartwell", "#e9e0c8"),
    "inscription": _inscribed,
    "library stamp": _pasted("FREE PUBLIC LIBRARY WITHDRAWN", "#c9d3e6"),
    "water stain": _stained,
    "rubbed corners": _rubbed,
    "tape repair": _taped,
    "loose pages": _loose,
}
