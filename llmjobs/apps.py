"""The llmjobs app."""

from django.apps import AppConfig


class LlmjobsConfig(AppConfig):
    name = "llmjobs"
    verbose_name = "LLM jobs"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from bookops import forgetting
        from llmjobs import invariants, sweeping  # noqa: F401 - they register with the core
        from llmjobs.forgetting import forget_ticks
        from llmjobs.retention import forget_old_jobs
        from llmjobs.schedule import schedule_poller

        forgetting.register("job_evidence", forget_old_jobs)
        forgetting.register("poll_ticks", forget_ticks)
        post_migrate.connect(schedule_poller, sender=self)
