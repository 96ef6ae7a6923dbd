"""Reason codes of rows, the five families that people count them by, and the words that explain them."""

from __future__ import annotations

#: Family -> its reason codes. The families are the first design's error categories.
CATEGORIES: dict[str, frozenset[str]] = {
    "api_timeout": frozenset({"timeout", "deadline", "unavailable", "import_deadline"}),
    "worker_crash": frozenset({"worker_lost", "crashed"}),
    "network": frozenset({"connect", "tls", "dns", "cut_off", "network", "breaker_open", "forbidden_address", "redirect"}),
    "rate_limited": frozenset({"rate_limited", "quota_day", "quota_spent", "spent", "blocked"}),
    "bad_data": frozenset(),  # whatever is left: unreadable rows, unreadable or refused answers
}
_FAMILY = {reason: family for family, reasons in CATEGORIES.items() for reason in reasons}

#: What the reader of an export says of a row that it cannot take.
UNREADABLE = frozenset(
    {
        "title_missing",
        "width_wrong",
        "quote_misplaced",
        "quote_unclosed",
        "text_unreadable",
        "cell_too_long",
        "characters_forbidden",
    }
)

WORDS = {
    "timeout": "The source did not answer in time. Retry the row.",
    "deadline": "The book took longer than BOOK_DEADLINE allows. Retry the row.",
    "import_deadline": "The import's own deadline passed before this row was worked on.",
    "unavailable": "The source was not available. Retry the row.",
    "worker_lost": "The worker ended in the middle of this row. Redrive it.",
    "crashed": "Our code failed on this row; its log names the error. Report it, then retry.",
    "rate_limited": "The source asked us to slow down. Retry the row later.",
    "quota_day": "The source's daily quota is spent; the row goes on by itself when it resets.",
    "refused": "The source refused the question. Check its key and contact address in the settings.",
    "bad_answer": "The source answered something unreadable. Retry the row.",
}


def category_of(reason: str) -> str:
    """Return the family of a reason code, "" for none."""
    if not reason:
        return ""
    if reason.startswith("http_5"):
        return "api_timeout"
    return _FAMILY.get(reason, "bad_data")


def explain(reason: str, detail: str = "") -> str:
    """Return a sentence for people about a reason code."""
    if reason in UNREADABLE and detail:
        return detail  # the reader of the file names the line and the remedy itself
    words = WORDS.get(reason, reason.replace("_", " ").capitalize() + "." if reason else "")
    return f"{words} ({detail})" if detail else words
