"""Stop a job of questions to language models."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from llmjobs.jobs import cancel
from llmjobs.management.job_command import JobCommand, facts_of
from llmjobs.models import LLMJob


class Command(JobCommand):
    help = "Stop an LLM job: what waits is skipped, what is at a provider is cancelled there. Exit code 1 when it has ended already."

    def act(self, job: LLMJob, **options: Any) -> dict[str, Any]:
        if not cancel(job):
            raise CommandError(f"Job {job.pk} has ended already: {job.status}.")
        job.refresh_from_db()
        return facts_of(job)
