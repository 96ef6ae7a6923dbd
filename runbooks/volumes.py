"""Volume numbers and counts in titles."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10, "xi": 11, "xii": 12}
_NUMBER_WORDS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
}
_NUMERAL = rf"(?:\d{{1,3}}|viii|xii|vii|iii|xi|ix|iv|vi|ii|i|v|x|{'|'.join(_NUMBER_WORDS)})"
_WORD = r"(?:volumes?|vols?|parts?|pts?|tomes?|bde?|bands?)"
#: "Vol. II", "Volumes 1-3", "Part IV", "Vol. 2 of 6".
_NUMBERED = re.compile(
    rf"\b{_WORD}\b\.?\s*(?:no\.?\s*)?(?P<first>{_NUMERAL})\b(?:\s*(?:-|–|—|to|and|&)\s*(?P<last>{_NUMERAL})\b)?"
    r"(?:\s+of\s+(?:\w+\s+)?(?P<of>\d{1,3}))?",
    re.IGNORECASE,
)
#: "3 vols", "three volumes", "2-volume set", "set of 4".
_COUNTED = re.compile(
    rf"\b(?P<count>\d{{1,3}}|{'|'.join(_NUMBER_WORDS)})[ -]?(?:vols?|volumes?|v)\b|\bset of (?P<set>\d{{1,3}}|{'|'.join(_NUMBER_WORDS)})\b",
    re.IGNORECASE,
)
_INCOMPLETE = re.compile(
    r"\b(?:incomplete|not (?:a )?complete|odd vol(?:ume)?s?|broken set|partial set"
    r"|(?:vol(?:ume)?s?|pages|plates)\.? (?:is |are )?(?:missing|lacking|wanting)"
    r"|(?:missing|lacks|lacking|wanting) (?:of )?(?:the )?(?:\w+ )?(?:vols?|volumes?))\b|\b(?:vol|volume)s?\.? \w+ only\b",
    re.IGNORECASE,
)
_COMPLETE = re.compile(
    r"\bcomplete (?:set|in (?:\w+ )?(?:vols?|volumes?|parts)|\w+[ -]vol(?:ume)?s?\b|sets? of)"
    r"|\bsets? (?:is )?complete\b|\bvol(?:ume)?s?\.?,? complete\b",
    re.IGNORECASE,
)
_LEFT_ALONE = re.compile(r"[\s,;:(\[–—-]+$")


def volume_numbers(title: str) -> frozenset[int]:
    """Return the volumes that a title says it is: {2} for "Vol. II", {1, 2, 3} for "Vols. 1-3", none for "in 3 volumes"."""
    numbers: set[int] = set()
    for found in _NUMBERED.finditer(title):
        first, last = _number(found["first"]), _number(found["last"] or found["first"])
        if first <= last < first + 100:
            numbers.update(range(first, last + 1))
    return frozenset(number for number in numbers if number > 0)


def volume_count(text: str) -> int | None:
    """Return how many volumes a text speaks of: 3 for "3 vols", "three-volume set", "Vols. I-III"; None when it does not say."""
    found = _COUNTED.search(text)
    if found:
        return _number(found["count"] or found["set"])
    numbers = volume_numbers(text)
    return len(numbers) if len(numbers) > 1 else None


def set_size(title: str) -> int | None:
    """Return of how many volumes a numbered one says it is, 6 for "Vol. 2 of 6"; None when it does not say."""
    sizes = [int(found["of"]) for found in _NUMBERED.finditer(title) if found["of"]]
    return max(sizes, default=None)


def part_of(title: str, size: int | None = None) -> frozenset[int]:
    """Return the volumes that a title offers of a set: {2} for "Vol. II", {1, 2} for "Vols. 1-2 of 3"; none for all of it, "Vols. I-III".

    `size` is of how many volumes the set is where the title does not say.
    """
    numbers = volume_numbers(title)
    if len(numbers) == 1:
        return numbers
    whole = frozenset(range(1, max(set_size(title) or size or 0, *numbers, 0) + 1))
    return numbers if numbers < whole else frozenset()


def volumes_named(numbers: Iterable[int]) -> str:
    """Return volumes in words: "volume 2", "volumes 1, 2"."""
    listed = sorted(numbers)
    return f"volume{'s' if len(listed) > 1 else ''} {', '.join(map(str, listed))}"


def with_volumes(title: str, numbers: Iterable[int], size: int | None = None) -> str:
    """Return a title with the volumes of which it is, as `volume_numbers` and `set_size` read them."""
    listed = sorted(numbers)
    is_run = len(listed) > 1 and listed == list(range(listed[0], listed[-1] + 1))
    named = f"Vols. {listed[0]}-{listed[-1]}" if is_run else ", ".join(f"Vol. {number}" for number in listed)
    return f"{without_volumes(title)}, {named}{f' of {size}' if size else ''}"


def says_complete(text: str) -> bool | None:
    """Return whether a listing calls its set complete or broken; None when it does not say.

    "Complete Works" is a title, not a promise.
    """
    if _INCOMPLETE.search(text):
        return False
    return True if _COMPLETE.search(text) else None


def without_volumes(title: str) -> str:
    """Return a title without its volume numbers and counts."""
    text = _COUNTED.sub(" ", _NUMBERED.sub(" ", title))
    return _LEFT_ALONE.sub("", " ".join(text.split()))


def _number(text: str) -> int:
    text = text.lower()
    return _ROMAN.get(text) or _NUMBER_WORDS.get(text) or int(text)
