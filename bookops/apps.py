"""The core app."""

from django.apps import AppConfig


class BookopsConfig(AppConfig):
    name = "bookops"
    verbose_name = "Books and background work"
