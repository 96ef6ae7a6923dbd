"""Fold titles and names, so that two spellings of the same words compare equal."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

#: What is longer is no title or name; the rest of it is not read.
_LONGEST = 1000

#: Letters that Unicode does not decompose, and Arabic letters that Persian writes otherwise.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i", "ي": "ی", "ك": "ک", "&": " and ", "ـ": None}
)
# Accents, Hebrew points and Arabic vowel marks only: the marks of Indic scripts and of kana are parts of the letter.
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]")
_APOSTROPHES = re.compile("['’‘`´ʼ]")
# \w knows no combining vowels; 0900-109F holds the scripts that cannot be read without them.
_BETWEEN_WORDS = re.compile("[^\\w\u0900-\u109f\u3099\u309a]+|_+")

_CYRILLIC = str.maketrans(
    dict(zip("абвгдезийклмнопрстуфыэіїє", "abvgdeziiklmnoprstufyeiie", strict=True))
    | {"ё": "e", "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": None, "ь": None, "ю": "yu", "я": "ya", "ґ": "g"}
)
_SCRIPTS = re.compile(
    "(?P<cyrillic>[\u0400-\u052f])|(?P<greek>[\u0370-\u03ff])|(?P<hebrew>[\u0590-\u05ff])|(?P<arabic>[\u0600-\u06ff])"
    "|(?P<indic>[\u0900-\u0dff])|(?P<thai>[\u0e00-\u0e7f])|(?P<georgian>[\u10a0-\u10ff])|(?P<armenian>[\u0530-\u058f])"
    "|(?P<hangul>[\uac00-\ud7af])|(?P<han>[\u3040-\u30ff\u3400-\u9fff])"
)

_TRAILING_PARENTHESES = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]\s*$")
_SERIES_NUMBER = re.compile(r"#\s*(\d+(?:\.\d+)?)(?!\s*[-–]\s*#?\d|[\d.])")
_VOLUME_WORD = r"(?:volumes?|vol|books?|bk|parts?|pt|no|nr|bands?|bd|tome|tomo|tom|teil|livre|libro|deel|книга|том|часть)"
_SERIES = re.compile(rf"#|\b{_VOLUME_WORD}\b\.?\s*\d|,\s*\d+$", re.IGNORECASE)
_EDITION = re.compile(
    r"\b(?:edition|classics?|unabridged|annotated|illustrated|paperback|hardcover|kindle|series|trilogy|saga|library|a novel|reprint|ausgabe)\b",
    re.IGNORECASE,
)
_SUBTITLE = re.compile(r"\s*:\s+|\s+:\s*|\s+[-–/]\s+|\s*—\s*|[;,]\s*or[,:]?\s+", re.IGNORECASE)
_ARTICLE_LAST = re.compile(r"^(.+), (the|an?)$", re.IGNORECASE)
_ARTICLE_FIRST = re.compile(r"^(?:the|an?) (?=.)")
#: Subtitles that say what kind of book it is, not which.
_FORM_SUBTITLE = re.compile(
    r"^(?:(?:an? |the )?(?:(?!graphic)\w+ )?(?:novel(?:la)?|memoir|thriller|romance|mystery|roman|romanzo|novela|stories|poems)"
    r"|(?:the )?(?:\w+ ){0,4}edition|unabridged|with a new \w+.*)$"
)
_VOLUME = re.compile(rf"\b{_VOLUME_WORD} (\d+)\b")

_UNITS = {
    "zero": 0,
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
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALES = {"hundred": 100, "thousand": 1000}
# Without i, v and x, which are words and letters more often than numbers.
_ROMAN = {
    "ii": 2,
    "iii": 3,
    "iv": 4,
    "vi": 6,
    "vii": 7,
    "viii": 8,
    "ix": 9,
    "xi": 11,
    "xii": 12,
    "xiii": 13,
    "xiv": 14,
    "xv": 15,
    "xvi": 16,
}


def fold(text: str) -> str:
    """Return the words of a text in lower case, without accents and punctuation, one space between them."""
    text = text.casefold()
    if not text.isascii():
        text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.translate(_LETTERS)))
        text = unicodedata.normalize("NFC", text)
    elif "&" in text:
        text = text.replace("&", " and ")
    return _BETWEEN_WORDS.sub(" ", _APOSTROPHES.sub("", text)).strip()


def script(text: str) -> str:
    """Return the script a text is written in, "latin" where no other is found."""
    if text.isascii():
        return "latin"
    found = _SCRIPTS.search(text)
    return found.lastgroup or "latin" if found else "latin"


def romanized(folded: str) -> str:
    """Return folded Cyrillic in Latin letters; other scripts come back as they are."""
    return folded.translate(_CYRILLIC)


class Title(NamedTuple):
    """A title taken apart; all texts are folded."""

    main: str
    subtitle: str
    #: Numbers in the main title and volume numbers anywhere in the title.
    numbers: frozenset[str]
    #: Numbers in the series parentheses; a range is none of them.
    series_numbers: frozenset[str]
    #: The number of a volume that is called like its series, "Naruto (Naruto, #2)"; "" for a first volume.
    volume: str

    @property
    def whole(self) -> str:
        return f"{self.main} {self.subtitle}".strip()


@lru_cache(maxsize=65_536)
def take_apart(title: str, subtitle: str = "") -> Title:
    """Return the parts of a title as exports and sources write it, series in parentheses or not."""
    title = title[:_LONGEST]
    text = unicodedata.normalize("NFKC", title) if not title.isascii() else title
    text, series, series_numbers = _without_series(" ".join(text.split()))
    main, rest = _split_subtitle(text)
    subtitle = _ARTICLE_FIRST.sub("", fold(f"{rest} {_without_series(subtitle[:_LONGEST])[0]}"))
    if _FORM_SUBTITLE.match(subtitle):
        subtitle = ""
    main = _with_digits(_fold_main(main) or text.casefold())
    volume = min(series_numbers) if main == series and len(series_numbers) == 1 else ""
    subtitle = _with_digits(subtitle)
    numbers = {word for word in main.split() if word.isdecimal()} | set(_VOLUME.findall(subtitle))
    return Title(_VOLUME.sub(r"\1", main), subtitle, frozenset(numbers), series_numbers, volume if volume != "1" else "")


def normal_title(title: str) -> str:
    """Return a title as a key: the same for every export and service that means the same book.

    Series parentheses, edition notes, leading articles and "a novel" are gone; a subtitle stays, because
    "Mistborn: Secret History" is not "Mistborn", and so does the number of a volume that is called like its series.
    """
    parts = take_apart(title)
    return f"{parts.whole} {parts.volume}".strip()


@lru_cache(maxsize=65_536)
def normal_author(name: str) -> str:
    """Return a person's name as a key: its folded words in alphabetical order, initials apart.

    The order says nothing: "Tolkien, J.R.R." and "J. R. R. Tolkien", "Liu Cixin" and "Cixin Liu" are one.
    """
    words: list[str] = []
    for word in _BETWEEN_INITIALS.sub(" ", name[:_LONGEST]).split():
        # JRR Tolkien; but U2, LEO TOLSTOY and a lone BBC are names.
        initials = word.isascii() and word.isalpha() and word.isupper() and len(word) <= 3 and not name.isupper()
        words.extend(word if initials else [word])
    folded = fold(" ".join(words)).split()
    kept = [word for word in folded if word not in _TITLES_OF_PEOPLE] or folded
    return " ".join(sorted(kept))


_BETWEEN_INITIALS = re.compile(r"(?<=\b[^\W\d_])\.|[,;]|\([^)]*\)")
_TITLES_OF_PEOPLE = frozenset({"dr", "prof", "sir", "dame", "lord", "lady", "rev", "saint", "st", "jr", "sr", "phd", "md", "esq"})


def _without_series(text: str) -> tuple[str, str, frozenset[str]]:
    """Return the text without trailing series and edition parentheses, the first series' name and all its numbers."""
    series = ""
    numbers: frozenset[str] = frozenset()
    while text.endswith((")", "]")) and (found := _TRAILING_PARENTHESES.search(text)) and found.start() > 0:
        inner = found[1]
        if _SERIES.search(inner):
            numbers |= set(_SERIES_NUMBER.findall(inner))
            series = _fold_main(re.split(r"[,#;]", inner)[0])
        elif not _EDITION.search(inner):
            break
        text = text[: found.start()]
    return text, series, numbers


def _split_subtitle(text: str) -> tuple[str, str]:
    found = _SUBTITLE.search(text)
    if not found or found.start() == 0:
        return text, ""
    return text[: found.start()], text[found.end() :]


def _fold_main(text: str) -> str:
    text = text.strip()
    if moved := _ARTICLE_LAST.match(text):
        text = f"{moved[2]} {moved[1]}"
    text = text.replace("C++", "cplusplus").replace("C#", "csharp")
    return _ARTICLE_FIRST.sub("", fold(text))


def _with_digits(folded: str) -> str:
    """Return the text with English number words and Roman numerals as digits: "slaughterhouse 5", "1984", "rama 2"."""
    words = folded.split()
    if not any(word in _UNITS or word in _TENS or word in _ROMAN for word in words):
        return folded
    result: list[str] = []
    position = 0
    while position < len(words):
        if words[position] in _ROMAN and position > 0:
            result.append(str(_ROMAN[words[position]]))
            position += 1
            continue
        digits, used = _number(words, position)
        result.append(digits or words[position])
        position += used or 1
    return " ".join(result)


def _number(words: list[str], start: int) -> tuple[str, int]:
    """Return the digits that the words from `start` spell, and how many words that took (0 when they spell none)."""
    groups: list[int] = []
    position = start
    after_tens = False
    while position < len(words):
        word = words[position]
        if word in _UNITS and after_tens and _UNITS[word] < 10:
            groups[-1] += _UNITS[word]
        elif word in _UNITS or word in _TENS:
            groups.append(_UNITS.get(word) or _TENS.get(word, 0))
        elif word in _SCALES and groups and groups[-1] < _SCALES[word]:
            groups[-1] *= _SCALES[word]
        else:
            break
        after_tens = word in _TENS
        position += 1
    return "".join(map(str, groups)), position - start
