"""What somebody who knows books sees on the photographs of a listing, and where the seller's words say otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sandbox.book_judgement import facts_in
from sandbox.chance import happens
from sandbox.listings import Shown, listing_of_picture
from sandbox.listings_records import Listing
from sandbox.schema_filling import ImageReference

GRADES = ("Fine", "Near Fine", "Very Good", "Good", "Fair", "Poor")
#: Share of listings that a model grades one step lower than most models do.
STRICTER = 0.1
#: What a buyer must know before anything else.
CRITICAL = frozenset({"detached board", "water stain", "loose pages", "library stamp", "tape repair"})
#: Views that one wants of any old book, and what to ask the seller for where there is none.
WANTED = {
    "front": "the front board",
    "spine": "the spine",
    "title page": "the title page with its date",
    "hinge": "the inner hinges with the book open",
    "pages": "a few pages, for foxing",
}
#: What a seller may claim, and the defects that give it the lie.
CLAIMS = {
    r"no foxing|free (of|from) foxing|clean|bright pages": ("light foxing", "heavy foxing", "water stain"),
    r"tight|hinges? (perfect|firm|sound)|firm hinges": ("cracked hinge", "detached board", "loose pages"),
    r"no (marks|inscriptions?|writing|names?)|unmarked": ("inscription", "bookplate", "library stamp"),
    r"\bfine\b|as new|mint|pristine|immaculate": (
        "heavy foxing",
        "torn spine",
        "detached board",
        "water stain",
        "loose pages",
        "cracked hinge",
    ),
}
SIGNATURE_CLAIM = re.compile(
    r"\b(bound|binding|morocco|calf)( binding)? by\b|zaehnsdorf|rivi[eè]re|sangorski|bayntun|hayday", re.IGNORECASE
)

_CALLED = re.compile(r"\b(?:image|photo|photograph|picture)(?:[ _]?id)?\b[\s#:=\"'_-]*([\w-]+)|\bid[\s:=\"'#]+([\w-]+)", re.IGNORECASE)
_FROM_ZERO = re.compile(r"(numbered|counted|counting|index(ed)?|starting) (from|at) (0|zero)|(0|zero)-based", re.IGNORECASE)
_TAGS = re.compile(r"<[^>]+>")

MOST_REMEMBERED = 20_000
_remembered: dict[bytes, Shown | None] = {}


@dataclass(frozen=True, slots=True)
class _View:
    """Hold one image as it was sent, and what it shows."""

    reference: ImageReference
    shown: Shown


def looked_at(images: Sequence[tuple[bytes, str]], text: str, *, model: str) -> dict[str, Any]:
    """Return a draft of an analysis of a listing; each image is a file and the text that introduces it."""
    first = 0 if _FROM_ZERO.search(text) else 1
    views = []
    for number, (content, caption) in enumerate(images, start=first):
        shown = _shown(content)
        if shown is not None:
            views.append(_View(_reference(caption, number), shown))
    said = _TAGS.sub("", text)
    return _of_views(views, said, model) if views else _of_words(said)


def _shown(content: bytes) -> Shown | None:
    """Return what an image shows; to look takes some ten milliseconds, so it is done once for each file."""
    key = blake2b(content, digest_size=16).digest()
    if key not in _remembered:
        if len(_remembered) >= MOST_REMEMBERED:
            _remembered.clear()
        try:
            _remembered[key] = listing_of_picture(content)
        except (OSError, ValueError, SyntaxError):
            _remembered[key] = None
    return _remembered[key]


def _reference(caption: str, number: int) -> ImageReference:
    called = _CALLED.search(caption)
    name = (called[1] or called[2]) if called else str(number)
    return ImageReference(int(name) if name.isdigit() else number, name)


def _of_views(views: list[_View], said: str, model: str) -> dict[str, Any]:
    of_book = [view for view in views if not view.shown.shot.is_unrelated]
    unrelated = [view for view in views if view.shown.shot.is_unrelated]
    if not of_book:
        return _of_words(said) | _put_aside(unrelated)
    listing = of_book[0].shown.listing
    negatives = [_finding(defect, view) for view in of_book for defect in view.shown.shot.defects]
    grade = GRADES.index(listing.copy.grade.replace("_", " ").title())
    if happens(STRICTER, "stricter", model, listing.number):
        grade = min(grade + 1, len(GRADES) - 1)
    critical = _critical(listing, of_book, negatives)
    kinds = {view.shown.shot.kind for view in of_book}
    missing = _missing(kinds, said)
    narrative = _narrative(listing, GRADES[grade], len(negatives), len(critical))
    signature = next((view for view in of_book if view.shown.shot.kind == "signature"), None)
    return {
        "condition_grade": GRADES[grade],
        "condition_positives": _positives(listing, of_book),
        "condition_negatives": negatives,
        "critical_issues": critical,
        "item_identification": _identification(listing, of_book, signature, said),
        "binding_analysis": _binding(listing, signature),
        "binding_authenticated": signature is not None,
        **_put_aside(unrelated),
        "contradictions": _contradictions(listing, of_book, said),
        "missing_photos": missing,
        "questions": [photo["question"] for photo in missing],
        "analysis_narrative": narrative,
        "narrative": narrative,
        "confidence": round(min(0.95, 0.5 + 0.06 * len(of_book)), 2),
    }


def _put_aside(views: list[_View]) -> dict[str, Any]:
    reasons = [f"shows {view.shown.shot.words or 'something else'}, not the book on sale" for view in views]
    return {
        "unrelated_images": [{"image": view.reference, "reason": reason} for view, reason in zip(views, reasons, strict=True)],
        "unrelated_reasons": {view.reference.name: reason for view, reason in zip(views, reasons, strict=True)},
    }


def _of_words(said: str) -> dict[str, Any]:
    """Return what can be said of a listing of which there is nothing to see."""
    named = next((grade for grade in sorted(GRADES, key=len, reverse=True) if re.search(rf"\b{grade}\b", said, re.IGNORECASE)), None)
    missing = _missing(set(), said)
    nothing: list[Any] = []
    narrative = "Judged by the seller's words alone: there is no photograph that shows the book."
    names = ("condition_positives", "condition_negatives", "critical_issues", "unrelated_images", "contradictions")
    return dict.fromkeys(names, nothing) | {
        "condition_grade": named,
        "unrelated_reasons": {},
        "item_identification": _identified_by(said),
        "binding_analysis": "There is no photograph to judge the binding by.",
        "binding_authenticated": False,
        "missing_photos": missing,
        "questions": [photo["question"] for photo in missing],
        "analysis_narrative": narrative,
        "narrative": narrative,
        "confidence": 0.3,
    }


def _finding(text: str, view: _View) -> dict[str, Any]:
    severity = "major" if text in CRITICAL else "minor" if text.startswith(("light", "rubbed", "bookplate")) else "moderate"
    return {"text": f"{text.capitalize()}, on the {view.shown.shot.kind}", "image": view.reference, "severity": severity}


def _positives(listing: Listing, views: list[_View]) -> list[dict[str, Any]]:
    sound = [view for view in views if not view.shown.shot.defects and view.shown.shot.kind != "note"]
    strengths = [
        {"text": strength.capitalize(), "image": view.reference} for strength, view in zip(listing.copy.strengths, sound, strict=False)
    ]
    return [
        *strengths,
        *({"text": f"The {view.shown.shot.kind} shows no damage", "image": view.reference} for view in sound[len(strengths) :][:4]),
    ]


def _critical(listing: Listing, views: list[_View], negatives: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [finding for finding in negatives if finding["severity"] == "major"]
    if listing.copy.not_as_described and views:
        found.append({"text": listing.copy.not_as_described.capitalize(), "image": views[0].reference, "severity": "major"})
    whole = next((view for view in views if view.shown.shot.kind == "set"), None)
    if whole and 1 < listing.work.volumes != listing.copy.volumes and listing.copy.volumes < listing.work.volumes:
        text = f"Only {listing.copy.volumes} of {listing.work.volumes} volumes are to be seen"
        found.append({"text": text, "image": whole.reference, "severity": "major"})
    notes = (view for view in views if view.shown.shot.kind == "note")
    return [
        *found,
        *(
            {"text": "A note in the picture tells the reader what to report", "image": view.reference, "severity": "major"}
            for view in notes
        ),
    ]


#: What the text says rests on no image; prompts that number images from 1 call it 0.
SELLERS_WORDS = ImageReference(0, "text")
_NOT_KNOWN: dict[str, Any] = {"text": None, "number": 0, "image": []}
_IDENTIFIED = (
    *("binding_type", "binding_color", "decorative_elements", "estimated_age", "binder", "binder_signature", "illustrations"),
    *("title", "author", "publisher", "edition", "year", "publication_year", "volumes", "completeness"),
)


def _identification(listing: Listing, views: list[_View], signature: _View | None, said: str) -> dict[str, Any]:
    """Return what the copy is, each with the view that shows it."""
    copy, work = listing.copy, listing.work
    first = views[0].reference if views else SELLERS_WORDS
    by_kind = {view.shown.shot.kind: view.reference for view in reversed(views)}
    title_page, whole = by_kind.get("title page", first), by_kind.get("set", first)
    known = _identified_by(said) | {
        "binding_type": _known(copy.binding, first),
        "binding_color": _known(copy.colour_name, first),
        "estimated_age": _known(f"about {work.year}", title_page),
        "title": _known(work.title, title_page),
        "author": _known(work.author, title_page),
        "publisher": _known(work.publisher, title_page),
        "year": _known(work.year, title_page),
        "publication_year": _known(work.year, title_page),
        "volumes": _known(copy.volumes, whole),
        "completeness": _known("COMPLETE" if copy.volumes >= work.volumes else "INCOMPLETE", whole),
    }
    if copy.illustrated:
        known["illustrations"] = _known("illustrated with plates", by_kind.get("plate", first))
    if signature:
        known["binder_signature"] = _known(signature.shown.shot.words, signature.reference)
    return known


def _identified_by(said: str) -> dict[str, Any]:
    """Return what the seller's words alone tell; most of it is not known."""
    facts = facts_in(said)
    binder = SIGNATURE_CLAIM.search(said)
    known = dict.fromkeys(_IDENTIFIED, _NOT_KNOWN) | {"completeness": _NOT_KNOWN | {"text": "UNKNOWN"}}
    known |= {name: _known(facts[name], SELLERS_WORDS) for name in ("title", "author", "publisher") if facts.get(name)}
    if "gilt" in said.lower():
        known["decorative_elements"] = _known("gilt", SELLERS_WORDS)
    return known | ({"binder": _known(binder[0].title(), SELLERS_WORDS)} if binder else {})


def _known(what: str | int, image: ImageReference) -> dict[str, Any]:
    return {"text": str(what), "image": image} | ({"number": what} if isinstance(what, int) else {"number": 0})


def _binding(listing: Listing, signature: _View | None) -> str:
    by = f"; the binder's stamp reads {signature.shown.shot.words}" if signature else "; no binder's signature is to be seen"
    return f"{listing.copy.colour_name} {listing.copy.binding}".strip().capitalize() + by + "."


def _contradictions(listing: Listing, views: list[_View], said: str) -> list[dict[str, Any]]:
    found = []
    for claim, defects in CLAIMS.items():
        if words := re.search(claim, said, re.IGNORECASE):
            for view in views:
                if shown := next((defect for defect in view.shown.shot.defects if defect in defects), None):
                    found.append(_contradiction(words[0], f"{shown} on the {view.shown.shot.kind}", view))
                    break
    incomplete = listing.copy.volumes < listing.work.volumes
    whole = next((view for view in views if view.shown.shot.kind == "set"), None)
    if whole and incomplete and (words := re.search(r"complete|\d+ vol\w*|set\b", said, re.IGNORECASE)):
        found.append(_contradiction(words[0], f"{listing.copy.volumes} of {listing.work.volumes} volumes", whole))
    if listing.copy.not_as_described and views:
        found.append(_contradiction(listing.title, listing.copy.not_as_described, views[0]))
    return found


def _contradiction(said: str, seen: str, view: _View) -> dict[str, Any]:
    return {"said": said, "seen": seen, "text": f"The seller says “{said}”; the photograph shows {seen}", "image": view.reference}


def _missing(kinds: set[str], said: str) -> list[dict[str, Any]]:
    wanted = dict(WANTED)
    if SIGNATURE_CLAIM.search(said):
        wanted["signature"] = "the binder's signature"
    if re.search(r"\bplates?\b|illustrat", said, re.IGNORECASE):
        wanted["plate"] = "the plates"
    return [
        {"text": what, "question": f"Could you send a photograph of {what}?", "severity": "minor"}
        for kind, what in wanted.items()
        if kind not in kinds
    ]


def _narrative(listing: Listing, grade: str, negatives: int, critical: int) -> str:
    issues = f"Defects to be seen: {negatives}" if negatives else "No defect is to be seen"
    worst = f"; serious issues: {critical}" if critical else ""
    return f"{listing.work.title}, {listing.copy.binding}, in {grade.lower()} condition. {issues}{worst}."
