"""What staff can press on the page of a runbook; each makes one call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from bookops.buttons import Button, Caution, NothingMoved
from bookops.clock import database_now
from runbooks import comparing, executions, photos, pricing
from runbooks.admin import forms
from runbooks.admin.copy_buttons import COPY_BUTTONS, REMOVE, about_copy
from runbooks.admin.money import amount_in, usd
from runbooks.admin.refused import keeping_typed
from runbooks.comparing import CannotCompare
from runbooks.deciding import WrongStatus, decide, delete_runbook
from runbooks.entered import read_address, read_date, read_price
from runbooks.entries import Entry
from runbooks.evaluating import rescore
from runbooks.models import Comparable, Copy, EvalRunbook, ListingImage
from runbooks.tables import CellRefused, TableRefused

EDIT = "runbooks.edit_runbook"
DELETE = "runbooks.delete_evalrunbook"


@contextmanager
def refusals_told() -> Iterator[None]:
    """Turn what refuses a change into what a page tells."""
    try:
        yield
    except (CannotCompare, TableRefused, executions.CannotRetry) as refusal:
        raise ValidationError(str(refusal)) from None
    except CellRefused as refusal:
        raise ValidationError(f"{refusal.column}: {refusal.why}") from None


def _now(runbook: EvalRunbook) -> str:
    runbook.refresh_from_db()
    tier = runbook.recommendation_tier.replace("_", " ").lower()
    return f"Value now {usd(runbook.fmv_mid)}, combined score {runbook.combined_score}: {tier}."


def change_price(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    given = forms.PriceForm(request.POST).cleaned()
    now = runbook.current_asking_price
    if "was" in request.POST and amount_in(request.POST["was"]) != now:
        raise ValidationError(
            f"The price is {usd(now)} by now: somebody has changed it since this page was drawn. Save again to replace it."
        )
    if (given["price"], given["discount_code"], given["notes"]) == (now, runbook.discount_code, ""):
        return NothingMoved(f"The price is {usd(now)} already.")
    change = pricing.change_price(
        runbook, given["price"], by=request.user, discount_code=given["discount_code"], notes=given["notes"] or None
    )
    return f"{usd(change.previous_price)} → {usd(change.new_price)}, score {change.score_before} → {change.score_after}. {_now(runbook)}"


def refresh(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    with refusals_told():
        try:
            _, is_new = executions.refresh(runbook, runbook.owner)
        except executions.AnotherOneRuns as running:
            raise ValidationError(str(running)) from None
    return "The listing is read again; watch it below." if is_new else NothingMoved("The listing is being read again already.")


def rescore_now(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    rescore(runbook, cause="rescore", by=request.user)
    return f"Scored again on what was kept, without a call. {_now(runbook)}"


def delete(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    title = str(runbook)
    try:
        delete_runbook(runbook, by=request.user)
    except WrongStatus as refusal:
        raise ValidationError(str(refusal)) from None
    return f"The runbook of {title} was deleted, with its copy and photos."


def decision(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    given = forms.DecisionForm(request.POST).cleaned()
    decide(runbook, given["decision"], given["reason"], by=request.user)
    return "The decision stands beside the computed one." if given["decision"] else "The decision was taken back."


# Comparables


def _comparable(runbook: EvalRunbook, value: str) -> Comparable:
    try:
        found = runbook.comparables.filter(public_id=value).first()
    except ValidationError:
        found = None
    if found is None:
        raise ValidationError("That comparable is no longer here.")
    return found


def exclude(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    comparing.exclude(_comparable(runbook, value), by=request.user, why=forms.WhyForm(request.POST).cleaned()["why"])
    return f"Left out. {_now(runbook)}"


def include(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    comparing.include(_comparable(runbook, value), by=request.user, why=forms.WhyForm(request.POST).cleaned()["why"])
    return f"It counts again. {_now(runbook)}"


def relevance(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    given = forms.RelevanceForm(request.POST).cleaned()
    comparing.set_relevance(_comparable(runbook, value), given["relevance"], by=request.user, why=given["why"])
    return f"Its relevance is {given['relevance']}. {_now(runbook)}"


def adjust(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    given = forms.AdjustForm(request.POST).cleaned()
    comparing.adjust(_comparable(runbook, value), by=request.user, **given)
    return f"Adjusted. {_now(runbook)}"


def delete_comparable(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    with refusals_told():
        comparing.delete(_comparable(runbook, value), by=request.user)
    return f"Deleted. {_now(runbook)}"


def add_comparable(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    given = forms.ComparableForm(request.POST).cleaned()
    with refusals_told():
        entry = Entry(
            title=given["title"],
            price=read_price(given["price"]),
            basis=given["basis"],
            at=read_date(given["at"], database_now().date()),
            condition=given["condition"],
            binding=given["binding"],
            url=read_address(given["url"]),
            source=given["source"],
            author=given["author"],
        )
        one = comparing.add_manual(runbook, entry, by=request.user, relevance=given["relevance"], why=given["why"])
    if one.excluded:
        told = (
            f"Added, but left out, for the code takes it for {one.excluded_why}. Where you know better, set its relevance and let it count"
        )
    elif one.relevance == Comparable.Relevance.LOW:
        told = f"Added, but it does not count beside relevant ones: low, {one.relevance_why}. Where you know better, set its relevance"
    else:
        return f"Added, of {one.get_relevance_display()} relevance. {_now(runbook)}"
    return Caution(f"{told}, under “Change” below it. {_now(runbook)}")


def add_file(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    given = forms.CsvForm(request.POST, request.FILES).cleaned()
    with refusals_told():
        return _told(comparing.add_csv(runbook, given["file"], by=request.user, basis=given["basis"]), runbook)


def add_lines(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    given = forms.LinesForm(request.POST).cleaned()
    with refusals_told():
        return _told(comparing.add_pasted(runbook, given["text"], by=request.user, basis=given["basis"]), runbook)


#: Refused lines that a message has room for.
REFUSED_TOLD = 5


def _told(added: comparing.Added, runbook: EvalRunbook) -> str:
    words = [f"{len(added.comparables)} added."]
    if added.already_there:
        words.append(f"{added.already_there} were there already.")
    if added.ignored:
        words.append(f"Columns that nobody reads: {', '.join(added.ignored)}.")
    words += [str(one) for one in added.refused[:REFUSED_TOLD]]
    if len(added.refused) > REFUSED_TOLD:
        words.append(f"… and {len(added.refused) - REFUSED_TOLD} lines more were refused.")
    return " ".join([*words, _now(runbook)])


# Photos


def _image(runbook: EvalRunbook, value: str) -> ListingImage:
    try:
        found = ListingImage.objects.filter(listing=runbook.copy.listing_id, public_id=value).first()
    except ValidationError:
        found = None
    if found is None:
        raise ValidationError("That photo is no longer here.")
    return found


def quarantine(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    moved = photos.quarantine(_image(runbook, value), by=request.user, why=forms.WhyForm(request.POST).cleaned()["why"])
    return "The photo is put aside; nothing was deleted." if moved else NothingMoved("The photo was aside already.")


def restore(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
    moved = photos.restore(_image(runbook, value), by=request.user, why=request.POST.get("why", ""))
    return "The photo is back." if moved else NothingMoved("The photo was not aside.")


RUNBOOK_BUTTONS = (
    Button("refresh", "Refresh", refresh, "runbooks.run_execution", shown=lambda one: one.copy.listing_id is not None),
    Button("rescore", "Score again", rescore_now, EDIT),
    *(keeping_typed(about_copy(button)) for button in COPY_BUTTONS if button.name != "remove"),
    # Both take out the same; a copy that was never bought is but a part of its runbook.
    replace(
        about_copy(REMOVE),
        shown=lambda one: one.copy.status in Copy.OWNED,
        confirm="It is yours no more. Its runbook, comparables, history and photos are removed for good; what it cost stays in the ledger.",
    ),
    Button(
        "delete",
        "Delete the runbook",
        delete,
        DELETE,
        shown=lambda one: one.copy.status not in Copy.OWNED,
        confirm="It was never bought: all that is known of this copy is deleted for good, its versions, comparables, price history, photos and "
        "the listing's words. The book stays.",
    ),
    *(
        keeping_typed(Button(name, label, press, EDIT, shown=None))
        for name, label, press in (
            ("price", "Change the price", change_price),
            ("decision", "Decide", decision),
            ("exclude", "Exclude", exclude),
            ("include", "Include", include),
            ("relevance", "Set relevance", relevance),
            ("adjust", "Adjust", adjust),
            ("delete_comparable", "Delete comparable", delete_comparable),
            ("add_comparable", "Add comparable", add_comparable),
            ("add_file", "Add comparables of a file", add_file),
            ("add_lines", "Add pasted comparables", add_lines),
        )
    ),
    Button("quarantine", "Put photo aside", quarantine, EDIT, shown=None),
    Button("restore", "Take photo back", restore, EDIT, shown=None),
)
