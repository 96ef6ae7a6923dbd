"""The llmjobs app."""

from django.apps import AppConfig


class LlmjobsConfig(AppConfig):
    name = "llmjobs"
    verbose_name = "LLM jobs"
