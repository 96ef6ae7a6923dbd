"""The llmjobs app."""

from django.apps import AppConfig


class LlmjobsConfig(AppConfig):
    name = "llmjobs"
    verbose_name = "LLM jobs"

    def ready(self) -> None:
        from bookops import forgetting
        from llmjobs import invariants, sweeping  # noqa: F401 - they register with the core
        from llmjobs.retention import forget_old_jobs

        forgetting.register("job_evidence", forget_old_jobs)
