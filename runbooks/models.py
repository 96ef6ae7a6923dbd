"""The tables of evaluations, each beside what it is about."""

from runbooks.execution_rows import BulkImport, BulkLink, Execution, KeptPage, StepAttempt, StepRun
from runbooks.listing_rows import AccountDeletion, Listing, ListingImage, ListingSnapshot, storage_key
from runbooks.price_rows import Comparable, ExchangeRate, LedgerEntry
from runbooks.reference_rows import (
    Author,
    AuthorTier,
    Binder,
    EraRow,
    GoalRow,
    GradeAlias,
    Preference,
    Publisher,
    RequirementRow,
)
from runbooks.runbook_rows import Copy, EvalRunbook, PriceChange, RunbookVersion

__all__ = [
    "AccountDeletion",
    "Author",
    "AuthorTier",
    "Binder",
    "BulkImport",
    "BulkLink",
    "Comparable",
    "Copy",
    "EraRow",
    "EvalRunbook",
    "ExchangeRate",
    "Execution",
    "GoalRow",
    "GradeAlias",
    "KeptPage",
    "LedgerEntry",
    "Listing",
    "ListingImage",
    "ListingSnapshot",
    "Preference",
    "PriceChange",
    "Publisher",
    "RequirementRow",
    "RunbookVersion",
    "StepAttempt",
    "StepRun",
    "storage_key",
]
