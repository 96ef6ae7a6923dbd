"""The runbooks app."""

from django.apps import AppConfig


class RunbooksConfig(AppConfig):
    name = "runbooks"
    verbose_name = "Evaluation runbooks"

    def ready(self) -> None:
        from bookops import forgetting
        from runbooks import bulk_sweeping, invariants, sweeping  # noqa: F401 - they register with the core
        from runbooks.closed_accounts import ring_for_closed_accounts
        from runbooks.retention import forget_old

        forgetting.register("listings", forget_old)
        forgetting.register("closed_accounts", ring_for_closed_accounts)
