"""`run_runbook` and `retry_step`: what they print can be read by people and by programs, and their exit codes can be trusted."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bookops.dispatch import rung_here
from bookops.outbound.errors import NotFound, Refused, TryAgain
from bookops.runs import State
from runbooks.executions import start_import
from runbooks.models import Execution
from runbooks.steps import Done
from sandbox.running import RunningSandbox
from tests.factories import make_owner
from tests.runbooks.factories import link, work_off
from tests.runbooks.fake_steps import FakeSteps

LINK = "https://www.ebay.com/itm/256712345678"

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def collector(transactional_db: None) -> str:
    return make_owner("collector").username


def run(*arguments: str, **options: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        call_command("run_runbook", *arguments, **options)
    return int(ended.value.code or 0)


def test_it_evaluates_here_without_a_broker(sandbox: RunningSandbox, collector: str, capsys: Printed):
    assert run(link("strong-buy"), owner=collector, inline=True) == 0
    printed = capsys.readouterr().out
    assert "fetch_listing: COMPLETED" in printed and "assemble: COMPLETED" in printed
    assert "Our Mutual Friend — Charles Dickens" in printed and "Asked $545.00, worth $" in printed


def test_it_prints_the_outcome_for_programs(steps: FakeSteps, collector: str, capsys: Printed):
    assert run(LINK, owner=collector, inline=True, json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["progress"]["assemble"], told["error"]) == ("SUCCEEDED", "COMPLETED", None)


def test_a_failure_is_printed_with_its_remedy_and_an_exit_code_of_1(steps: FakeSteps, collector: str, capsys: Printed):
    steps.put("fetch_listing", NotFound("It has ended.", reason="not_found"))
    assert run(LINK, owner=collector, inline=True) == 1
    assert "FAILED: It has ended. Paste the listing's text" in capsys.readouterr().out


def test_a_link_that_is_none_is_refused_with_the_remedy_and_an_exit_code_of_2(collector: str):
    with pytest.raises(CommandError, match="Paste the address") as refused:
        call_command("run_runbook", "https://example.org/", owner=collector)
    assert refused.value.returncode == 2


def test_what_waits_for_a_source_goes_on_with_an_exit_code_of_3(steps: FakeSteps, collector: str):
    steps.put("fetch_listing", TryAgain("spent", spent=True, retry_after=3600.0, source="ebay"))
    with pytest.raises(CommandError, match="goes on") as waits:
        call_command("run_runbook", LINK, owner=collector, inline=True)
    assert waits.value.returncode == 3


def test_what_is_tried_again_here_is_waited_for(steps: FakeSteps, collector: str):
    steps.put("ebay_fmv", TryAgain("busy", reason="unavailable"), Done({"offers": []}))
    assert run(LINK, owner=collector, inline=True) == 0
    assert Execution.objects.get().steps.get(name="ebay_fmv").attempts == 2


def test_left_to_the_workers_it_says_what_it_is_called(collector: str, capsys: Printed):
    with rung_here():
        call_command("run_runbook", LINK, owner=collector)
    assert str(Execution.objects.get().pk) in capsys.readouterr().out


def test_waiting_for_the_workers_ends_at_the_timeout(collector: str):
    with rung_here(), pytest.raises(CommandError, match="goes on"):
        call_command("run_runbook", LINK, owner=collector, wait=True, timeout=0.01)


def test_an_owner_who_does_not_exist_is_refused(db: None):
    with pytest.raises(CommandError, match="createsuperuser"):
        call_command("run_runbook", LINK, owner="nobody")


def test_a_step_is_retried_with_another_query(steps: FakeSteps, collector: str, capsys: Printed):
    steps.put("ebay_fmv", Refused("no"), lambda work: Done({"asked": work.query}))
    run(LINK, owner=collector, inline=True)
    execution = Execution.objects.get()
    with rung_here() as here:
        call_command("retry_step", str(execution.pk), "ebay_fmv", query="dickens morocco")
        work_off(here)
    assert "ebay_fmv is sent out as run 2." in capsys.readouterr().out
    retried = execution.steps.get(name="ebay_fmv", is_current=True)
    assert (retried.state, retried.output) == (State.SUCCEEDED, {"asked": "dickens morocco"})


def test_a_step_that_cannot_be_retried_says_why(collector: str):
    from django.contrib.auth import get_user_model

    with rung_here():
        execution, _ = start_import(get_user_model().objects.get(username=collector), LINK)
    with pytest.raises(CommandError, match="has not run yet"):
        call_command("retry_step", str(execution.pk), "assemble")
    with pytest.raises(CommandError, match="There is no execution"):
        call_command("retry_step", str(uuid.uuid4()), "assemble")
