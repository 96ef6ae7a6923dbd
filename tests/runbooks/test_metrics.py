"""What Prometheus is told of evaluations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bookops.clock import database_now
from bookops.runs import State
from runbooks.metrics import EvaluationCollector
from runbooks.models import BulkImport, Execution
from tests.factories import make_owner
from tests.runbooks.factories import make_execution, make_step

pytestmark = pytest.mark.django_db


def told() -> dict[tuple[str, ...], float]:
    """Return every sample by its name and labels."""
    return {(one.name, *one.labels.values()): one.value for metric in EvaluationCollector().collect() for one in metric.samples}


def make_saved(seconds: float, **changes: Any) -> Execution:
    execution = make_execution(state=State.SUCCEEDED, **changes)
    Execution.objects.filter(pk=execution.pk).update(saved_at=execution.created_at + timedelta(seconds=seconds))
    return execution


def test_it_tells_how_long_people_waited_for_a_runbook():
    for seconds in (8, 89, 91):
        make_saved(seconds)
    make_execution(state=State.FAILED)
    samples = told()
    assert [samples["bookops_evaluation_seconds_bucket", bound] for bound in ("5.0", "10.0", "90.0", "120.0", "+Inf")] == [0, 1, 2, 3, 3]
    assert samples["bookops_evaluation_seconds_sum",] == pytest.approx(188)
    assert (samples["bookops_evaluations", "succeeded"], samples["bookops_evaluations", "failed"]) == (3, 1)


def test_bulk_imports_are_left_out_of_the_time_for_nobody_waits():
    owner = make_owner()
    make_saved(4000, owner=owner, bulk=BulkImport.objects.create(owner=owner))
    assert told()["bookops_evaluation_seconds_count",] == 0


def test_it_tells_what_parked_steps_wait_for():
    for what in ("ebay", "ebay", "budget"):
        make_step(state=State.PARKED, waiting_for=what)
    samples = told()
    assert (samples["bookops_evaluation_steps_parked", "ebay"], samples["bookops_evaluation_steps_parked", "budget"]) == (2, 1)


def test_it_tells_which_steps_failed_for_good_in_the_last_day_and_why():
    now = database_now()
    for name, state, reason, hours in (
        ("ebay_fmv", State.FAILED, "refused", 1),
        ("ebay_fmv", State.DEAD, "lost", 2),
        ("ebay_fmv", State.FAILED, "refused", 23),
        ("claude_analysis", State.FAILED, "model_refused", 25),
        ("abebooks_fmv", State.CANCELLED, "cancelled", 1),
        ("assemble", State.SUCCEEDED, "", 1),
    ):
        make_step(name=name, state=state, reason=reason, ended_at=now - timedelta(hours=hours))
    make_step(name="ebay_fmv", state=State.PARKED, reason="quota_day", waiting_for="ebay")
    failed = {key[1:]: value for key, value in told().items() if key[0] == "bookops_evaluation_steps_failed"}
    assert failed == {("ebay_fmv", "refused"): 2, ("ebay_fmv", "lost"): 1}
