"""Say how a job of questions to language models stands."""

from __future__ import annotations

from typing import Any

from llmjobs.management.job_command import JobCommand, facts_of
from llmjobs.models import LLMJob


class Command(JobCommand):
    help = "Say how an LLM job stands: counts, tokens, money, forecast. Exit code 2 when there is no such job."

    def act(self, job: LLMJob, **options: Any) -> dict[str, Any]:
        return facts_of(job)
