"""What kind of book a free-text, often localised binding means."""

from __future__ import annotations

import re
from functools import lru_cache

# The first pattern found decides: "Audiobook, paperback case" is heard, not read.
_CATEGORIES = (
    ("audiobook", r"audi[oó]|audible|h[öo]rbuch|h[öo]rspiel|luisterboek|livre lu|mp3|cassette|аудио|有声|オーディオ|كتاب صوتي"),
    (
        "ebook",
        r"kindle|e-?book|e-?pub|\bnook\b|\bkobo\b|digital|\bpdf\b|e-?livro|libro electr[oó]nico|livre num[ée]rique|e-?kirja|elektron|электрон|電子|电子|전자책",
    ),
    (
        "hardcover",
        r"hard ?(?:cover|back|bound)|library binding|board book|leather ?bound|cloth|slipcase|turtleback|school & library"
        r"|capa dura|encadernad|tapa dura|pasta dura|encuadernad|cartoné|reli[ée]|cartonn[ée]|gebunden|hardcover|rilegat|copertina rigida"
        r"|inbunden|indbunde|innbunde|innbundet|kovakantinen|sidottu|twarda|vázan|pevná|bìa cứng|ciltli|тв[её]рд|тверда|σκληρ|精装|單行本|ハードカバー|양장|گالینگور",
    ),
    (
        "paperback",
        r"paper ?back|soft ?(?:cover|back|bound)|mass market|pocket|trade paper|perfect bound"
        r"|capa mole|brochura|livro de bolso|capa comum|tapa blanda|pasta blanda|r[úu]stica|bolsillo|broch[ée]|poche|taschenbuch|broschiert|kartoniert"
        r"|brossura|copertina flessibile|tascabile|häftad|hæftet|heftet|nidottu|pehmeäkantinen|pokkari|miękka|brožovan|měkká|bìa mềm|karton kapak"
        r"|мягк|м'?як|обкладинка|покет|μαλακ|平装|平裝|文庫|ペーパーバック|페이퍼백|شومیز",
    ),
)
_PATTERNS = tuple((category, re.compile(pattern, re.IGNORECASE)) for category, pattern in _CATEGORIES)
# Some readers write a sentence; its beginning tells, and keeps the cache small.
_TELLING = 80
_UNKNOWN = frozenset({"", "unknown binding", "unknown"})


def categorise_binding(binding: str) -> str:
    """Return "hardcover", "paperback", "ebook", "audiobook" or "other"; "" when the binding is unknown."""
    return _categorise(binding[:_TELLING])


@lru_cache(maxsize=4096)
def _categorise(binding: str) -> str:
    if binding.strip().casefold() in _UNKNOWN:
        return ""
    return next((category for category, pattern in _PATTERNS if pattern.search(binding)), "other")
