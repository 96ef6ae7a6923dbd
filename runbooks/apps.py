"""The runbooks app."""

from django.apps import AppConfig


class RunbooksConfig(AppConfig):
    name = "runbooks"
    verbose_name = "Evaluation runbooks"
