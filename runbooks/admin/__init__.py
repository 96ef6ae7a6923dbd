"""The desk's pages about evaluations; Django finds them by importing this package."""

from runbooks.admin import copies, executions, listings, runbooks

__all__ = ["copies", "executions", "listings", "runbooks"]
