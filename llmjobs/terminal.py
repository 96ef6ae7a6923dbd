"""What a person at a terminal sees of a job while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console

from bookops.spend import dollars
from llmjobs.models import LLMJob

POLL_SECONDS = 0.5


def follow(job: LLMJob, console: Console, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Print a line whenever the counts have changed, until the job has ended. One or two queries a look."""
    shown = ""
    while True:
        job.refresh_from_db()
        counts = job.aggregates()
        failed = f", {counts['failed']} failed" if counts["failed"] else ""
        line = f"{job.status}: {counts['submitted']} of {job.total_items} sent, {counts['succeeded']} answered{failed}"
        if line != shown:
            console.print(line, highlight=False)
            shown = line
        if job.has_ended:
            break
        sleep(POLL_SECONDS)
    cancelled = f", {counts['cancelled']} cancelled" if counts["cancelled"] else ""
    flagged = f", {counts['flagged']} flagged" if counts["flagged"] else ""
    console.print(
        f"{counts['succeeded']} succeeded, {counts['failed']} failed{cancelled}{flagged}; "
        f"{counts['input_tokens']:,} tokens in, {counts['output_tokens']:,} out, {dollars(counts['cost'])}, job {job.pk}",
        highlight=False,
    )
    if job.sandbox:
        console.print("sandbox: invented data")
    waiting = job.proposals.filter(state="waiting").count()
    if waiting:
        console.print(f"{waiting} answers wait for review in the admin.", highlight=False)
