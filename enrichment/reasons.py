"""Reason codes of rows, the five families that people count them by, and the words that explain them."""

from __future__ import annotations

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

#: Family -> its reason codes; statuses ("http_503") are sorted by `category_of`. The families are the first design's error categories.
CATEGORIES: dict[str, frozenset[str]] = {
    # The source was asked, and had no answer in time, or none at all.
    "api_timeout": frozenset({"timeout", "deadline", "import_deadline", "unavailable", "empty_answer"}),
    "worker_crash": frozenset({"worker_lost", "lease_lost", "crashed"}),
    # The question or its answer did not get through.
    "network": frozenset({"connect", "connection_lost", "tls", "dns", "cut_off", "breaker_open", "redirect_loop", "bad_redirect"}),
    "rate_limited": frozenset({"rate_limited", "quota_day", "quota_pace", "quota_blocked"}),
    # A row of the file, an answer, or a question that was refused.
    "bad_data": UNREADABLE
    | {"bad_answer", "bad_encoding", "bad_http", "bad_json", "not_json", "wrong_type"}
    | {"unexpected_shape", "too_deep", "too_large", "unstorable"}
    | {"refused", "unauthorized", "forbidden", "bad_key", "forbidden_agent", "unknown_location", "forbidden_address", "forbidden_host"}
    | {"not_found", "source_error"},
}
_TOO_SOON_OR_LATE = frozenset({"http_408", "http_425"})
_FAMILY = {reason: family for family, reasons in CATEGORIES.items() for reason in reasons}

_MEND = "Mend it in a text editor, or export again and upload the file unchanged; each row names its line."

WORDS = {
    "title_missing": "The row has no title. Give the book one at the service and export again; each row names its line.",
    "width_wrong": f"The row has more or fewer cells than the header. {_MEND}",
    "quote_misplaced": f"A quotation mark is misplaced, or the line is far too long. {_MEND}",
    "quote_unclosed": f"A quotation mark is opened and never closed. {_MEND}",
    "text_unreadable": f"So many quotation marks are never closed that nothing below was read. {_MEND}",
    "cell_too_long": f"A cell is far too long. {_MEND}",
    "characters_forbidden": f"A cell holds control characters, which no text has. {_MEND}",
    "timeout": "The source did not answer in time. Retry the row.",
    "deadline": "The book took longer than BOOK_DEADLINE allows. Retry the row.",
    "import_deadline": "The import's own deadline passed before this row was done.",
    "unavailable": "The source was not available. Retry the row.",
    "worker_lost": "The worker ended in the middle of this row. Redrive it.",
    "crashed": "Our code failed on this row; its log names the error. Report it, then retry.",
    "rate_limited": "The source asked us to slow down. Retry the row later.",
    "quota_pace": "The row waits for its turn, so that the source's limits are kept; it goes on by itself.",
    "quota_blocked": "The source asked everybody to wait; the row goes on by itself.",
    "breaker_open": "The source failed too often and is let be for a while; the row goes on by itself.",
    "quota_day": "The source's daily quota is spent; the row goes on by itself when it resets.",
    "refused": "The source refused the question. Check its key and contact address in the settings.",
    "bad_answer": "The source answered something unreadable. Retry the row.",
}


def category_of(reason: str) -> str:
    """Return the family of a reason code, "" for none."""
    if not reason:
        return ""
    if reason.startswith("http_5") or reason in _TOO_SOON_OR_LATE:
        return "api_timeout"
    return _FAMILY.get(reason, "bad_data")


def explain(reason: str, detail: str = "") -> str:
    """Return a sentence for people about a reason code."""
    if reason in UNREADABLE and detail:
        return detail  # the reader of the file names the line and the remedy itself
    words = WORDS.get(reason, reason.replace("_", " ").capitalize() + "." if reason else "")
    return f"{words} ({detail})" if detail else words
