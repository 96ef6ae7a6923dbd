"""What tests of jobs start from: a job over some books, at any stage of its life."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bookops.books import Book
from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.language_models import LanguageModel, ModelLimit, ModelPrice, load_models
from llmjobs.jobs import create_job
from llmjobs.models import LLMJob, LLMJobItem
from llmjobs.plans import Plan, Scope
from llmjobs.rendering import render
from tests.factories import make_owner

#: Asked in the background, one by one; and in batches by either provider.
RESPONSES: Mapping[str, Any] = {"provider": "openai", "way": "responses", "model": "gpt-6-luna"}
OPENAI_BATCH: Mapping[str, Any] = {"provider": "openai", "way": "batch", "model": "gpt-6-luna"}
ANTHROPIC_BATCH: Mapping[str, Any] = {"provider": "anthropic", "way": "batch", "model": "claude-haiku-5-5"}
#: Rows of language_models.toml as load_models wrote them, kind by kind: eighty queries a test for what never differs.
_KNOWN: list[list[Any]] = []


def make_books(count: int, owner: Any = None) -> list[Book]:
    """Return stored books of one owner, each with a title of its own."""
    owner = owner or make_owner()
    return Book.objects.bulk_create(Book(owner=owner, title=f"Book {number}", author="An Author") for number in range(count))


def make_job(books: int = 3, *, owner: Any = None, ask: Mapping[str, Any] = RESPONSES, purpose: str = "flag", **plan: Any) -> LLMJob:
    """Return a job that has just been created over so many new books; nobody has been rung for it."""
    know_models()
    owner = owner or make_owner()
    made = make_books(books, owner)
    plan.setdefault("asks", (ask,))
    with rung_here():
        return create_job(owner, purpose, Scope("ids", tuple(book.pk for book in made)), Plan(**plan))


def make_rendered_job(books: int = 3, **changes: Any) -> LLMJob:
    """Return a job whose items wait to be sent."""
    job = make_job(books, **changes)
    assert render(LLMJob.objects.all().claim([job.pk])[0])
    job.refresh_from_db()
    return job


def items_of(job: LLMJob) -> list[LLMJobItem]:
    """Return a job's items as they are stored, in their order."""
    return list(LLMJobItem.objects.filter(job=job).order_by("number"))


def let_leases_end(job: LLMJob) -> None:
    """Have time pass until nothing of a job is held by a worker any more."""
    past = database_now().replace(year=2020)
    LLMJobItem.objects.filter(job=job, lease_until__isnull=False).update(lease_until=past)
    job.batches.filter(lease_until__isnull=False).update(lease_until=past)
    LLMJob.objects.filter(pk=job.pk, lease_until__isnull=False).update(lease_until=past)


def know_models() -> None:
    """Load language_models.toml unless a test has already; after the first time in a process, by putting back what that wrote."""
    if LanguageModel.objects.exists():
        return
    if not _KNOWN:
        load_models()
        _KNOWN.extend(list(kind.objects.all()) for kind in (LanguageModel, ModelPrice, ModelLimit))
        return
    for rows in _KNOWN:
        type(rows[0]).objects.bulk_create(rows)
