"""Prompts from a frozen scope."""

from __future__ import annotations

import pytest

from bookops.books import Book
from bookops.clock import database_now
from bookops.dispatch import rung_here
from bookops.purposes import purpose_named
from llmjobs.jobs import cancel
from llmjobs.models import LLMJob, LLMJobItem
from llmjobs.rendering import Rendering, render
from llmjobs.sweeping import free_jobs
from llmjobs.working import work_on
from tests.llmjobs.factories import ANTHROPIC_BATCH, RESPONSES, items_of, let_leases_end, make_job, make_rendered_job

pytestmark = pytest.mark.django_db

FLAG = purpose_named("flag")


def claimed(job: LLMJob) -> LLMJob:
    return LLMJob.objects.all().claim([job.pk])[0]


def test_it_renders_each_target_once_a_model():
    job = make_rendered_job(2, asks=(RESPONSES, ANTHROPIC_BATCH), template="Is {{title}} by {{author}} rare?")

    assert [(item.number, item.model, item.prompt) for item in items_of(job)] == [
        (1, "gpt-6-luna", "Is Book 0 by An Author rare?"),
        (2, "claude-haiku-5-5", "Is Book 0 by An Author rare?"),
        (3, "gpt-6-luna", "Is Book 1 by An Author rare?"),
        (4, "claude-haiku-5-5", "Is Book 1 by An Author rare?"),
    ]
    assert (job.status, job.stage, job.rendered) == ("running", "working", 2)


def test_values_are_never_read_as_templates():
    job = make_job(1, template="What of {{title}}?")
    Book.objects.update(title="{{author}} {{nothing}}")

    render(claimed(job))

    assert items_of(job)[0].prompt == "What of {{author}} {{nothing}}?"


def test_equal_questions_have_equal_digests_and_others_have_not():
    digests = {
        name: items_of(make_rendered_job(1, **changes))[0].digest
        for name, changes in {
            "plain": {},
            "same": {"label": "another label", "priority": 10},
            "typed into a browser": {name: getattr(FLAG, name).replace("\n", "\r\n") for name in ("system", "template")},
            "other model": {"ask": RESPONSES | {"model": "gpt-6.1-terra"}},
            "other effort": {"ask": RESPONSES | {"effort": "high"}},
            "other words": {"template": "{{title}}?"},
            "other system": {"system": "Be brief."},
        }.items()
    }

    assert digests["plain"] == digests["same"] == digests["typed into a browser"]
    assert len(set(digests.values())) == 5


def test_a_target_that_is_gone_by_then_is_told_of():
    job = make_job(3)
    Book.objects.filter(title="Book 1").delete()

    render(claimed(job))

    assert [(item.status, item.reason) for item in items_of(job)] == [("queued", ""), ("failed", "gone"), ("queued", "")]


def test_a_prompt_that_no_model_could_read_is_not_sent():
    job = make_job(1)
    Book.objects.update(description="word " * 1_000_000)

    render(claimed(job))

    assert items_of(job)[0].reason == "prompt_too_long"


def test_it_goes_on_where_a_killed_worker_stopped(monkeypatch):
    monkeypatch.setattr("llmjobs.rendering.PORTION", 2)
    job = make_job(5)
    killed = Rendering(claimed(job))
    scope = job.scopes.get()
    scope.ids = scope.ids[:4]  # two portions, then its worker ends without a word
    killed.render_scope(scope)
    scope.__class__.objects.filter(pk=scope.pk).update(rendered=False)
    assert LLMJobItem.objects.count() == 4

    let_leases_end(job)
    assert free_jobs(database_now()) == 1
    assert render(claimed(job))

    assert [item.number for item in items_of(job)] == [1, 2, 3, 4, 5]


def test_a_cancelled_job_is_rendered_no_further(monkeypatch):
    monkeypatch.setattr("llmjobs.rendering.PORTION", 1)
    job = make_job(3)
    held = claimed(job)
    with rung_here():
        cancel(job)

    assert not render(held)
    assert not items_of(job)


def test_two_workers_render_a_job_once():
    job = make_job(3)
    held = claimed(job)

    assert LLMJob.objects.all().claim([job.pk]) == []
    assert render(held)
    assert len(items_of(job)) == 3


def test_targets_added_while_it_renders_are_rendered_too():
    from llmjobs.models import JobScope
    from tests.llmjobs.factories import make_books

    job = make_job(2)
    held = claimed(job)
    rendering = Rendering(held)
    rendering.render_scope(job.scopes.get())
    JobScope.objects.create(job=job, number=1, ids=[book.pk for book in make_books(2, job.owner)])

    assert not rendering.finish()
    assert render(held)

    assert len(items_of(job)) == 4


def test_a_purpose_that_crashes_fails_its_job_after_a_few_tries(settings, monkeypatch):
    settings.MAX_ATTEMPTS = 2
    job = make_job(2)
    monkeypatch.setattr("llmjobs.purposes.flag.Flag.variables", lambda self, targets: [{}[target] for target in targets])

    with rung_here():
        work_on(job.pk)
        assert LLMJob.objects.get().status == "queued"
        LLMJob.objects.update(next_at=database_now())
        work_on(job.pk)

    job.refresh_from_db()
    assert (job.status, job.reason, job.detail) == ("failed", "not_rendered", "Its prompts could not be rendered: KeyError")
