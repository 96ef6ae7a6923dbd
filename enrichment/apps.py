"""The enrichment app."""

from django.apps import AppConfig


class EnrichmentConfig(AppConfig):
    name = "enrichment"
    verbose_name = "Library imports"

    def ready(self) -> None:
        from enrichment import sweeping  # noqa: F401 - registers with the sweeper
