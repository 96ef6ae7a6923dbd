"""The enrichment app."""

from django.apps import AppConfig


class EnrichmentConfig(AppConfig):
    name = "enrichment"
    verbose_name = "Library imports"

    def ready(self) -> None:
        from bookops import forgetting
        from enrichment import invariants, sweeping  # noqa: F401 - they register with the core
        from enrichment.remembering import forget_expired

        forgetting.register("answers", forget_expired)
