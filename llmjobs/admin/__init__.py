"""The desk's pages about LLM jobs; Django finds them by importing this package."""

from llmjobs.admin import home, items, jobs, poller, proposals, starting

__all__ = ["home", "items", "jobs", "poller", "proposals", "starting"]
