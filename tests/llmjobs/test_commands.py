"""The commands about jobs."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from bookops.dispatch import rung_here
from bookops.spend import dollars
from llmjobs.models import LLMJob, LLMJobItem
from tests.factories import make_owner
from tests.llmjobs.factories import know_models, make_books, make_rendered_job
from tests.llmjobs.results import HELD, make_sent_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_is_rung():
    with rung_here():
        yield


@pytest.fixture
def owner():
    know_models()
    owner = make_owner("anna")
    make_books(3, owner)
    return owner


def answer_of(capsys, *command: object, **options) -> dict:
    """Return what a command prints as JSON."""
    call_command(*map(str, command), json=True, **options)
    return json.loads(capsys.readouterr().out)


def test_it_submits_a_job(owner, capsys):
    said = answer_of(capsys, "submit_llm_job", "flag", owner="anna", where=["title=Book"], cap=2.5, priority="high", label="Spring")

    job = LLMJob.objects.get()
    assert said == {"job": str(job.pk), "items": 3, "status": "queued"}
    assert (job.label, job.cap, job.priority) == ("Spring", 2_500_000, 10)


def test_a_preview_and_an_estimate_create_nothing(owner, capsys):
    assert len(answer_of(capsys, "submit_llm_job", "flag", owner="anna", preview=2)["samples"]) == 2
    assert answer_of(capsys, "submit_llm_job", "flag", owner="anna", estimate=True)["targets"] == 3
    assert not LLMJob.objects.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "gpt-2"}, "No model gpt-2"),
        ({"where": ["language"]}, "NAME=VALUE"),
        ({"where": ["shelf=1"]}, "Unknown filter shelf"),
        ({"ids": [0]}, "Nothing matches"),
    ],
)
def test_it_refuses_with_a_word_and_exit_code_2(owner, options, words):
    with pytest.raises(CommandError, match=words) as refused:
        call_command("submit_llm_job", "flag", owner="anna", **options)
    assert refused.value.returncode == 2


def test_it_says_how_a_job_stands(capsys):
    job = make_rendered_job(2)

    said = answer_of(capsys, "llm_job_status", job.pk)

    assert (said["status"], said["total"], said["processed"], said["price"]) == ("running", 2, 0, "$0.0000")


def test_it_tells_people_of_money_in_dollars_and_programs_in_microdollars(capsys):
    job = make_sent_job(2)
    LLMJobItem.objects.filter(job=job, number=1).update(cost=1257)

    assert answer_of(capsys, "llm_job_status", job.pk)["cost"] == 1257
    call_command("llm_job_status", str(job.pk))
    said = capsys.readouterr().out.splitlines()
    assert {"cost: $0.0013", f"held: {dollars(2 * HELD)}"} <= set(said)


def test_it_tells_people_of_an_estimate_in_dollars_and_by_model(owner, capsys):
    call_command("submit_llm_job", "flag", owner="anna", estimate=True)
    said = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert said["cost"].startswith("$0.0")
    assert said["openai gpt-6-luna, standard"].startswith("3 calls, ")
    assert said["openai gpt-6-luna, standard"].endswith(f"{said['cost']}, at most {said['most cost']}")


def test_it_cancels_a_job_once(capsys):
    job = make_rendered_job(2)

    assert answer_of(capsys, "cancel_llm_job", job.pk)["status"] == "cancelled"
    with pytest.raises(CommandError, match="ended already: cancelled"):
        call_command("cancel_llm_job", str(job.pk))


def test_it_knows_no_job_that_was_deleted(capsys):
    with pytest.raises(CommandError, match="There is no job"):
        call_command("llm_job_status", "00000000-0000-0000-0000-000000000000")
