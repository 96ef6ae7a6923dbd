"""What a job would ask, before it does."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from llmjobs.models import LLMJob
from llmjobs.plans import Plan, Scope
from llmjobs.previewing import preview
from tests.factories import make_owner
from tests.llmjobs.factories import items_of, know_models, make_books, make_rendered_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    know_models()
    return make_owner()


def test_it_shows_prompts_from_all_over_the_scope(owner):
    books = make_books(10, owner)

    seen = preview(owner, "flag", Scope(), Plan(template="What of {{title}}?"), most=5)

    assert (seen.targets, [one.prompt for one in seen.samples]) == (10, [f"What of Book {place}?" for place in (0, 2, 4, 6, 8)])
    assert [one.target_id for one in seen.samples] == [books[place].pk for place in (0, 2, 4, 6, 8)]
    assert not LLMJob.objects.exists()


def test_it_shows_twenty_at_most(owner):
    make_books(30, owner)
    assert len(preview(owner, "flag", Scope(), most=1000).samples) == 20


def test_it_shows_what_is_then_rendered(owner):
    job = make_rendered_job(3, owner=owner)

    seen = preview(owner, "flag", Scope(), most=3)

    assert [(one.prompt, one.tokens) for one in seen.samples] == [(item.prompt, item.estimated_tokens) for item in items_of(job)]


def test_it_refuses_what_creating_would(owner):
    make_books(1, owner)
    with pytest.raises(ValidationError, match="Unknown variable"):
        preview(owner, "flag", Scope(), Plan(template="{{shelf}}"))
    with pytest.raises(ValidationError, match="Nothing matches"):
        preview(owner, "flag", Scope("ids", (0,)))


def test_it_costs_the_same_however_many_match(owner):
    queries = []
    for _ in range(2):
        make_books(25, owner)
        with CaptureQueriesContext(connection) as captured:
            preview(owner, "flag", Scope(), most=5)
        queries.append(len(captured))
    assert queries[0] == queries[1]
