"""Tell the owner how the evaluation ended, once."""

from __future__ import annotations

from runbooks.advancing import tell
from runbooks.models import Execution
from runbooks.steps import Done, Work


def run(work: Work) -> Done:
    """Write the notice together with the step, so that neither is there without the other."""
    return Done(store=lambda: tell(Execution.objects.select_related("listing", "runbook").get(pk=work.execution.pk)))
