"""What the commands about one job share: its number as argument, the look-up, and the answer as text or JSON."""

from __future__ import annotations

import json
import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bookops.asked_wrongly import AskedWrongly
from bookops.runs import ENDED
from bookops.spend import dollars
from llmjobs.estimating import forecast_end
from llmjobs.models import LLMJob

#: Facts about money; `price` is the cost in words, for who reads JSON.
MICRODOLLARS = {"cost", "held", "most_cost", "most_cost_if_resent"}


class JobCommand(BaseCommand):
    """Call `act` with the job that was named and print what it returns; a command says in `act` what it does."""

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job_id", type=uuid.UUID, metavar="UUID")
        parser.add_argument("--json", action="store_true", help="print the answer as JSON")

    def handle(self, *, job_id: uuid.UUID, **options: Any) -> None:
        job = LLMJob.objects.filter(pk=job_id, deleted_at=None).first()
        if job is None:
            raise AskedWrongly(f"There is no job {job_id}.")
        self.stdout.write(shown(self.act(job, **options), as_json=options["json"]))

    def act(self, job: LLMJob, **options: Any) -> dict[str, Any]:
        """Do what the command is for and return what to print; raises CommandError when it cannot be done."""
        raise NotImplementedError


def facts_of(job: LLMJob) -> dict[str, Any]:
    """Return how a job stands: its status, counts, tokens and money, and when it will end at this pace."""
    ends = None if job.state in ENDED else forecast_end(job)
    counts = job.aggregates()
    return {
        "job": str(job.pk),
        "label": job.label,
        "purpose": job.purpose,
        "status": job.status,
        **({"reason": job.reason, "detail": job.detail} if job.reason else {}),
        **({"rendered_targets": job.rendered} if job.stage == LLMJob.Stage.RENDERING else {}),
        **counts,
        "total": job.total_items,
        "price": dollars(counts["cost"]),
        **({"forecast_end": ends} if ends else {}),
    }


def shown(facts: Any, *, as_json: bool) -> str:
    """Return facts as one line of JSON, or for people a line each with its microdollars as dollars."""
    if as_json:
        return json.dumps(facts, default=str, ensure_ascii=False)
    told = {name: dollars(value) if name in MICRODOLLARS else value for name, value in facts.items() if name != "price"}
    return "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in told.items())
