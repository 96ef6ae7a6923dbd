"""The desk's lists to look at only: comparables, changes of prices, and closed accounts."""

from __future__ import annotations

from django.contrib import admin

from bookops.admin import ReadOnlyAdmin
from bookops.markup import ago, badge, link, outside_link, page_of
from bookops.markup import text as foreign
from runbooks.admin.money import usd
from runbooks.models import AccountDeletion, Comparable, PriceChange


@admin.register(Comparable)
class ComparableAdmin(ReadOnlyAdmin):
    """Comparables of all runbooks; they are changed on the page of their runbook."""

    list_display = ["title_shown", "basis", "price", "in_dollars", "at", "origin", "relevance", "left_out", "changed_by", "runbook_shown"]
    list_filter = ["basis", "origin", "relevance", "excluded", "is_current", ("usd", admin.EmptyFieldListFilter)]
    list_select_related = ["runbook__copy__book", "changed_by"]
    search_fields = ["title", "source"]
    ordering = ["-id"]
    fields = [
        *("runbook_shown", "title", "address", "basis", "origin", "source", "price", "in_dollars", "rate", "rate_day", "rate_source"),
        *("shipping", "condition", "binding", "at", "relevance", "relevance_why", "computed_relevance", "excluded", "excluded_why"),
        *("adjustments", "changed_by", "changed_at", "is_current"),
    ]

    @admin.display(description="title", ordering="title")
    def title_shown(self, row: Comparable) -> str:
        return foreign(row.title, 70)

    @admin.display(description="address")
    def address(self, row: Comparable) -> str:
        return outside_link(row.url)

    @admin.display(description="price", ordering="amount")
    def price(self, row: Comparable) -> str:
        return f"{row.amount} {row.currency}"

    @admin.display(description="in dollars", ordering="usd")
    def in_dollars(self, row: Comparable) -> str:
        return usd(row.usd) if row.usd is not None else "no rate is known"

    @admin.display(description="left out", ordering="excluded")
    def left_out(self, row: Comparable) -> str:
        return foreign(row.excluded_why or "left out", 40) if row.excluded else ""

    @admin.display(description="runbook")
    def runbook_shown(self, row: Comparable) -> str:
        return link(f"{page_of(row.runbook)}#comparables", str(row.runbook)[:60])


@admin.register(PriceChange)
class PriceChangeAdmin(ReadOnlyAdmin):
    """Every change of an asking price, and what it did."""

    list_display = ["changed", "runbook_shown", "was", "now", "score", "tier", "changed_by"]
    list_filter = ["changed_at", "tier_after"]
    list_select_related = ["runbook__copy__book", "changed_by"]
    ordering = ["-changed_at", "-id"]

    @admin.display(description="when", ordering="changed_at")
    def changed(self, change: PriceChange) -> str:
        return ago(change.changed_at)

    @admin.display(description="runbook")
    def runbook_shown(self, change: PriceChange) -> str:
        return link(f"{page_of(change.runbook)}#history", str(change.runbook)[:60])

    @admin.display(description="was")
    def was(self, change: PriceChange) -> str:
        return usd(change.previous_price)

    @admin.display(description="now")
    def now(self, change: PriceChange) -> str:
        return usd(change.new_price)

    @admin.display(description="score")
    def score(self, change: PriceChange) -> str:
        return f"{change.score_before} → {change.score_after}"

    @admin.display(description="tier")
    def tier(self, change: PriceChange) -> str:
        return badge(change.tier_after)


@admin.register(AccountDeletion)
class AccountDeletionAdmin(ReadOnlyAdmin):
    """eBay's notices of closed accounts; the name is forgotten with the purge."""

    list_display = ["notification_id", "received", "purged", "listings"]
    list_filter = [("purged_at", admin.EmptyFieldListFilter), "received_at"]
    search_fields = ["notification_id"]
    ordering = ["-received_at"]

    @admin.display(description="received", ordering="received_at")
    def received(self, notice: AccountDeletion) -> str:
        return ago(notice.received_at)

    @admin.display(description="purged", ordering="purged_at")
    def purged(self, notice: AccountDeletion) -> str:
        return ago(notice.purged_at) if notice.purged_at else badge("parked", "within the hour")
