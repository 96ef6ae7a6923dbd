"""The desk's pages about evaluations; Django finds them by importing this package."""

from runbooks.admin import bulk, copies, executions, home, listings, lists, runbooks, tables

__all__ = ["bulk", "copies", "executions", "home", "listings", "lists", "runbooks", "tables"]
