"""Turn the raw subjects that sources give a book into ranked genres of one vocabulary."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bookops.spelling import fold
from enrichment.genre_vocabulary import VOCABULARY_VERSION, Vocabulary, ancestors, vocabulary

__all__ = ["VOCABULARY_VERSION", "Genres", "RankedGenre", "ancestors", "genres_of", "rank_genres", "vocabulary"]

#: How much the first, second, … subject of one source says: two sources that agree beat one that repeats itself.
_REPEATED = 0.5
#: A top-level genre says little beside one of its children, and whose literature a book belongs to says less than its kind.
_WEIGHTS = {"top": 0.4, "Literature": 0.6}
#: Genres weaker than this share of the strongest are noise.
_NOISE = 0.2
_MOST_REASONS = 6
#: Longer subjects are descriptions in the wrong field.
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class RankedGenre:
    """Hold one genre of a book and what led to it."""

    name: str
    #: "" for a top-level genre.
    parent: str
    #: Comparable within one book only.
    score: float
    #: "source: raw subject", or the child that implied a parent.
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Genres:
    """Hold what became of a book's raw subjects."""

    #: Strongest first.
    ranked: tuple[RankedGenre, ...] = ()
    #: Subjects the vocabulary does not know.
    unmapped: tuple[str, ...] = ()
    #: Subjects that say nothing about a book's genre.
    dropped: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(genre.name for genre in self.ranked)


def rank_genres(subjects: Mapping[str, Sequence[str]], *, most: int = 8) -> Genres:
    """Return the genres that each source's raw subjects lead to, with the reasons.

    Score = weight x sum over sources of (1 - 0.5 ** subjects). A book is fiction or not: where one side is said twice as
    loudly, the other side's genres are no more than topics and count a third.
    """
    said: defaultdict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    unmapped: dict[str, None] = {}
    dropped: dict[str, None] = {}
    for source, raw_subjects in subjects.items():
        for raw in dict.fromkeys(raw_subjects):
            names = genres_of(raw)
            if names is None:
                dropped[raw] = None
            elif not names:
                unmapped[raw] = None
            else:
                for name in names:
                    said[name][source].append(raw)
    return Genres(_loudest(_ranked(said), most), tuple(unmapped), tuple(dropped))


def _loudest(ranked: Sequence[RankedGenre], most: int) -> tuple[RankedGenre, ...]:
    """Return the first genres, the last one giving way to the parent of the first: readers ask for fiction or not before all else."""
    kept = ranked[:most]
    parent = [genre for genre in ranked[most:] if genre.name == kept[0].parent]
    return (*kept[: most - len(parent)], *parent)


def _ranked(said: Mapping[str, Mapping[str, list[str]]]) -> list[RankedGenre]:
    parents = vocabulary().parents
    strengths = {name: sum(1 - _REPEATED ** len(raws) for raws in by_source.values()) for name, by_source in said.items()}
    quieter, drowned = _quieter_side(strengths, parents)
    scores: dict[str, float] = {}
    implied: dict[str, str] = {}
    for name, strength in strengths.items():
        parent = parents[name]
        if not parent:
            continue
        scores[name] = strength * _WEIGHTS.get(parent, 1.0) / (3 if drowned and parent == quieter else 1)
        if parent != quieter and scores[name] > scores.get(implied.get(parent, ""), 0):
            implied[parent] = name
    for name, strength in strengths.items():
        if not parents[name]:
            scores[name] = strength * (_WEIGHTS["top"] if name in implied or name == quieter else 1.0)
    for parent, child in implied.items():
        scores[parent] = max(scores.get(parent, 0.0), _WEIGHTS["top"] * scores[child])
    loudest = max(scores.values(), default=0.0)
    ranked = [
        RankedGenre(name, parents[name], round(score, 3), _reasons(said.get(name, {}), implied.get(name, "")))
        for name, score in scores.items()
        if score >= _NOISE * loudest
    ]
    return sorted(ranked, key=lambda genre: (-genre.score, genre.parent == "", genre.name))


def _quieter_side(strengths: Mapping[str, float], parents: Mapping[str, str]) -> tuple[str, bool]:
    """Return "Fiction" or "Nonfiction", whichever is said less loudly, and whether the other is at least twice as loud."""
    sides = {"Fiction": 0.0, "Nonfiction": 0.0}
    for name, strength in strengths.items():
        side = parents[name] or name
        if side in sides:
            # Novels are given the topics they touch; a topic proves nonfiction half as well as a kind of novel proves fiction.
            sides[side] += strength / 2 if parents[name] == "Nonfiction" else strength
    quiet, loud = ("Fiction", "Nonfiction") if sides["Fiction"] < sides["Nonfiction"] else ("Nonfiction", "Fiction")
    return quiet, sides[loud] >= 2 * sides[quiet]


def _reasons(by_source: Mapping[str, Sequence[str]], child: str) -> tuple[str, ...]:
    reasons = [f"{source}: {raw}" for source, raws in by_source.items() for raw in raws]
    return tuple(reasons[:_MOST_REASONS]) or (f"implied by {child}",)


_JUNK = re.compile(
    r"=|^[\w-]+:(?=\S)"  # lists and schemes: hardcover-fiction=2019-04-14, award:hugo_award=2021, series:The Expanse
    r"|^\W*\d|^\W*[a-z]{1,2}\s?\d{2,}"  # dates and shelf marks: 813/.6, QH437 .D38 2006
    r"|^\W*.?\W*$"
    r"|\((?:imaginary|fictitious|fictional|legendary|ficticious|personnage|personaje)\b"
    r"|\bfictitious character"
    r"|\breading[ -]level|\bgrades? \d|\bgr\.? \d|\blexile\b"
    r"|\blanguage materials?\b|\btranslations? (?:into|from)\b|\btraducciones\b|\btłumaczenia\b|\bforeign language edition\b|\blanguage edition\b"
    r"|\blarge (?:type|print)\b|\bpublication type\b|\baudio ?books?\b|\baudible\b|\bsound recordings?\b|\bbooks on (?:tape|cd)\b|\bcompact disc"
    r"|\bbest[ -]?sell(?:er|ing)|\baward\b|\bawards\b|\bprize\b|\bmedal\b|\bnewbery\b|\bcaldecott\b|\bchallenge$|\bstaff picks?\b"
    r"|\bnew york times\b|\bnyt\b|\baccessible book\b|\bprotected daisy\b|\bin library\b|\boverdrive\b|\blending library\b|\bopen[ _]syllabus"
    r"|\blong now manual\b|\binternet archive\b|\bprint disabled\b|\bspecimens?$|\bopen library\b|\bcentury$",
    re.IGNORECASE,
)
_BISAC_CODE = re.compile(r"^[A-Z]{3}\d{6}(?:\s+[A-Z]{3}\d{6})*$", re.IGNORECASE)
_LIBRARY_SUFFIX = re.compile(r"\s*\(?fast\)?\s*\(OCoLC\)\S*$", re.IGNORECASE)
_LIST_PREFIX = re.compile(r"^(?:nyt|new york times)\s*[:=-]\s*", re.IGNORECASE)
_PARENTHESES = re.compile(r"\s*\([^)]*\)?|\s*\[[^\]]*\]?")
_IN_FICTION = re.compile(r"\s+in fiction\b|\s*\(fiction\)", re.IGNORECASE)
# BISAC's " / " and LCSH's " -- ", and inside their parts the commas of inverted headings.
_PARTS = re.compile(r"/|--|->|>|;|\||—")
_PIECES = re.compile(r",|:|\s[-–]\s|\.(?=\s|$)")
_YEARS = re.compile(r"\d{3,4}")


@lru_cache(maxsize=200_000)
def genres_of(subject: str) -> tuple[str, ...] | None:
    """Return the genres one raw subject means, () when the vocabulary does not know it, None when it is junk.

    A subject that says fiction in any part is about a novel: its topics become kinds of novel, or nothing.
    """
    if len(subject) > _LONGEST:
        return None
    text = _LIBRARY_SUFFIX.sub("", _LIST_PREFIX.sub("", subject.strip(" \t\r\n\"'.,;")))
    if _BISAC_CODE.match(text):
        return _of_bisac_codes(text)
    words = vocabulary()
    whole = fold(text)
    if whole in words.phrases:
        return words.phrases[whole]
    if _JUNK.search(text) or whole in words.dropped:
        return None
    pieces = _pieces(_IN_FICTION.sub(", fiction", _PARENTHESES.sub("", text)), words)
    told = [piece for piece in pieces if piece not in words.dropped]
    found = _of_pieces(told, words)
    if found:
        found = tuple(dict.fromkeys((*found, *(words.adjectives[piece] for piece in pieces if piece in words.adjectives))))
    if not found and (not told or _YEARS.search(text)):
        # Dates without a topic are of people and periods: "Austen, Jane, 1775-1817".
        return None
    return found


def _pieces(text: str, words: Vocabulary) -> list[str]:
    """Return the folded pieces of a heading; commas stay where they belong to a known name ("Body, Mind & Spirit")."""
    pieces = []
    for part in _PARTS.split(text):
        if (whole := fold(part)) in words.phrases:
            pieces.append(whole)
        else:
            pieces += [piece for each in _PIECES.split(part) if (piece := fold(each))]
    return pieces


def _of_bisac_codes(text: str) -> tuple[str, ...]:
    phrases = vocabulary().phrases
    names: dict[str, None] = {}
    for code in text.casefold().split():
        names |= dict.fromkeys(phrases.get(code) or phrases.get(code[:6]) or phrases.get(code[:3]) or ())
    return tuple(names)


def _of_pieces(pieces: Sequence[str], words: Vocabulary) -> tuple[str, ...]:
    """Return the genres of a heading's parts, read alone and in pairs ("Fantasy, epic" is epic fantasy)."""
    # Two words of a heading mean more together; more than that is rare, and the cost is quadratic.
    pairs = (f"{later} {earlier}" for end, later in enumerate(pieces[:6]) for earlier in pieces[:end])
    names = [name for piece in pieces for name in _of_piece(piece, words)]
    names += [name for pair in pairs for name in words.phrases.get(pair, ())]
    if "Fiction" in names:
        names = _as_fiction(names, pieces, words)
    elif "History" in names:
        names += [words.places[piece] for piece in pieces if piece in words.places]
    children = {words.parents[name] for name in names}
    return tuple(dict.fromkeys(name for name in names if name not in children))


def _as_fiction(names: Sequence[str], pieces: Sequence[str], words: Vocabulary) -> list[str]:
    novel = [
        name if words.parents[name] != "Nonfiction" else words.in_fiction.get(name, "Fiction") for name in names if name != "Nonfiction"
    ]
    return novel + [name for piece in pieces for name in words.phrases.get(f"{piece} fiction", ())]


def _of_piece(piece: str, words: Vocabulary) -> tuple[str, ...]:
    if piece in words.phrases:
        return words.phrases[piece]
    tokens = piece.split()
    for start in range(1, len(tokens)):
        tail = " ".join(tokens[start:])
        if tail in words.phrases and (start < len(tokens) - 1 or tail in words.last_words):
            return words.phrases[tail] + _literature(" ".join(tokens[:start]), words)
    for end in range(len(tokens) - 1, 0, -1):
        head = " ".join(tokens[:end])
        if head in words.phrases and (head in words.first_words or (end > 1 and tokens[0] in words.first_words)):
            return words.phrases[head] + _literature(" ".join(tokens[end:]), words)
    return ()


def _literature(adjective: str, words: Vocabulary) -> tuple[str, ...]:
    return (words.adjectives[adjective],) if adjective in words.adjectives else ()
