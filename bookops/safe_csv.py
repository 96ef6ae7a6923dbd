"""CSV cells that a spreadsheet shows and does not run."""

from __future__ import annotations

import re

#: A formula starts with one of these, also full-width, also behind blanks, quotes and invisible characters.
FORMULA = re.compile(r"^[\s\"'\u200b-\u200f\u2060\ufeff]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")


def safe_cell(text: str) -> str:
    """Return the text, led by an apostrophe if a spreadsheet could take it for a formula; reading back, drop that apostrophe."""
    return f"'{text}" if FORMULA.match(text) else text
