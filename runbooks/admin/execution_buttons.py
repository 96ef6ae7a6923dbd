"""What staff can press on the page of an execution: each makes one call of runbooks/executions.py."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from bookops.buttons import Button, NothingMoved
from bookops.runs import BROKEN, ENDED
from runbooks import executions
from runbooks.admin.timeline import TITLES
from runbooks.models import Execution

RUN = "runbooks.run_execution"
#: What a person may word differently for a step that is run again.
VARIANTS = ("model", "query")
LONGEST_VARIANT = 200


def retry_step(request: HttpRequest, execution: Execution, step: str) -> str:
    variant = {name: words for name in VARIANTS if (words := request.POST.get(name, "").strip()[:LONGEST_VARIANT])}
    try:
        run = executions.retry_step(execution, step, variant=variant)
    except executions.CannotRetry as refusal:
        raise ValidationError(str(refusal)) from None
    return f"{TITLES[step]} runs again, as number {run.number}; what depends on it follows."


def retry_failed(request: HttpRequest, execution: Execution, value: str) -> str:
    try:
        count = executions.retry_failed(execution)
    except executions.CannotRetry as refusal:
        raise ValidationError(str(refusal)) from None
    return f"{count} step{'s run' if count != 1 else ' runs'} again." if count else NothingMoved("No step has failed.")


def cancel(request: HttpRequest, execution: Execution, value: str) -> str:
    return "The execution was cancelled." if executions.cancel_execution(execution) else NothingMoved("The execution had ended already.")


def has_failed_steps(execution: Any) -> bool:
    """Say whether a step ended without what was asked for."""
    return execution.steps.filter(is_current=True, state__in=BROKEN).exists()


EXECUTION_BUTTONS = (
    Button(
        "cancel",
        "Cancel the evaluation",
        cancel,
        RUN,
        shown=lambda one: one.state not in ENDED,
        confirm="What was found stays; the rest is not done.",
    ),
    Button("retry_failed", "Retry failed steps", retry_failed, RUN, shown=has_failed_steps),
    Button("retry_step", "Retry", retry_step, RUN, shown=None),
)
