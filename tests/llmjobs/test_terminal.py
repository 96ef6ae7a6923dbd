"""What a person at a terminal sees of a job."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bookops.runs import State
from llmjobs.models import LLMJob
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
