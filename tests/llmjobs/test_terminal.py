"""What a person at a terminal sees of a job."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bookops.runs import State
from llmjobs.jobs import cancel
from llmjobs.models import LLMJob, LLMJobItem
from llmjobs.terminal import follow
from tests.llmjobs.factories import make_rendered_job

pytestmark = pytest.mark.django_db


def test_it_tells_what_changes_until_the_job_has_ended() -> None:
    job = make_rendered_job()
    said = io.StringIO()

    def end(_: float) -> None:
        LLMJob.objects.filter(pk=job.pk).update(state=State.SUCCEEDED)

    follow(job, Console(file=said, width=200), sleep=end)
    assert [line.partition(":")[0] for line in said.getvalue().splitlines()[:2]] == ["running", "completed"]
    assert str(job.pk) in said.getvalue()


def test_it_calls_nothing_answered_that_was_cancelled() -> None:
    job = make_rendered_job(3)
    LLMJobItem.objects.filter(job=job, number=1).update(state=State.SUCCEEDED)
    cancel(job)
    said = io.StringIO()

    follow(job, Console(file=said, width=200))
    assert "0 of 3 sent, 1 answered\n1 succeeded, 0 failed, 2 cancelled;" in said.getvalue()
