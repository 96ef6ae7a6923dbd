"""Look at AbeBooks for what comparable copies are offered for: by ISBN, else by title."""

from __future__ import annotations

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from runbooks.doors import open_abebooks
from runbooks.finding import found
from runbooks.identifying import subject_of
from runbooks.models import Execution, KeptPage, storage_key
from runbooks.naming import main_title
from runbooks.sources.abebooks import AbeBooks
from runbooks.sources.abebooks_errors import UnknownMarkup
from runbooks.sources.records import ListingFacts, Offers
from runbooks.steps import Done, Work
from runbooks.subject import Subject
from runbooks.volumes import without_volumes


def run(work: Work) -> Done:
    """Return the offers that say most; a page that no reader knows is kept, for that is no word about what is offered."""
    source = open_abebooks()
    subject = subject_of(ListingFacts.from_json(work.inputs["fetch_listing"]["facts"]))
    try:
        answer = _ask(source, subject, work)
    except UnknownMarkup as error:
        _keep_page(work.execution, error)
        raise
    return Done(found(subject, [answer]))


def _ask(source: AbeBooks, subject: Subject, work: Work) -> Offers:
    if work.query:
        return source.by_title(work.query, flow=work.flow)
    if subject.isbn:
        return source.by_isbn(subject.isbn, flow=work.flow)
    return source.by_title(without_volumes(main_title(subject.title)), subject.author, flow=work.flow)


def _keep_page(execution: Execution, error: UnknownMarkup) -> None:
    key = default_storage.save(storage_key("pages"), ContentFile(error.page))
    KeptPage.objects.create(execution=execution, source=error.source, reason=error.reason, key=key)
