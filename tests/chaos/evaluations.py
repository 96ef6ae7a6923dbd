"""Listings evaluated all the time, and what is left of it: a line for each promise about executions."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.listings import script
from sandbox.listings_records import Listing
from tests.chaos.people import People, owner_named
from tests.chaos.verdict import Line, gaps, none

#: Listings of the script that come to no runbook, or wait for a person.
FRUITLESS = frozenset({"revising", "ended", "group"})


def listings() -> list[Listing]:
    """Return the script's listings that come to a runbook."""
    return [one for one in script() if one.state == "live" and one.case not in FRUITLESS]


def evaluate(owner: str, url: str) -> uuid.UUID:
    """Begin to evaluate the listing of a link for an owner, who wants to be told by e-mail, and return the execution."""
    from bookops.notices import NoticeChoice
    from runbooks.executions import start_import

    person = owner_named(owner, email=f"{owner}@example.org")
    NoticeChoice.objects.get_or_create(owner=person, defaults={"by_email": True})
    return start_import(person, url)[0].pk


@dataclass
class Evaluator(People):
    """Keep some evaluations under way; nobody evaluates a listing twice."""

    begun: list[uuid.UUID] = field(default_factory=list)

    def act(self) -> None:
        """Import the next listing; now and then its owner thinks better of it."""
        known = listings()
        lap, place = divmod(len(self.begun), len(known))
        execution_id = evaluate(f"reader-{lap}", known[place].link)
        self.begun.append(execution_id)
        self.thinks_better(lambda: _cancel(execution_id))

    def under_way(self) -> int:
        """Count the executions that have not ended."""
        from runbooks.models import Execution

        return Execution.objects.all().active().count()


def _cancel(execution_id: uuid.UUID) -> bool:
    from runbooks.executions import cancel_execution
    from runbooks.models import Execution

    return cancel_execution(Execution.objects.get(pk=execution_id))


def all_told() -> bool:
    """Say whether every execution has ended, or waits for a parked step, with nothing of it on its way any more, notices included."""
    from bookops.notices import Delivery
    from bookops.runs import OPEN, State
    from runbooks.models import Execution, StepRun
    from runbooks.plan import NOTIFY

    steps = StepRun.objects.filter(state__in=OPEN).exclude(execution__state=State.CANCELLED)
    if steps.exists() or Delivery.objects.filter(state__in=OPEN).exists():
        return False
    told = StepRun.objects.filter(name=NOTIFY).values("execution_id")
    if Execution.objects.filter(state=State.SUCCEEDED).exclude(pk__in=told).exists():
        return False
    parked = StepRun.objects.filter(state=State.PARKED).values("execution_id")
    return not Execution.objects.all().active().exclude(pk__in=parked).exists()


def judge(begun: Collection[uuid.UUID]) -> list[Line]:
    """Return the lines that hold for any executions, whatever was killed."""
    from bookops.invariants import broken_invariants
    from bookops.runs import State
    from runbooks.models import Execution

    found = Execution.objects.in_bulk(begun)
    succeeded = [one for one in found.values() if one.state == State.SUCCEEDED]
    return [
        none("executions lost", [pk for pk in begun if pk not in found]),
        none("executions neither ended nor parked with a reason", _stuck(found.values())),
        none("executions ended twice", [one.pk for one in found.values() if one.has_ended and one.finishes != 1 + one.reopenings]),
        none("event lists with gaps", gaps(found.values())),
        none("successes without a runbook", [one.pk for one in succeeded if one.runbook_id is None or one.saved_at is None]),
        none("runbooks beyond one a listing and owner", _doubled_runbooks()),
        none("versions other than one a result saved", _wrong_versions(found)),
        none("steps stored twice", _stored_twice(found)),
        none("ends told other than once", _wrongly_told(found.values())),
        none("money held for nothing", money_held()),
        none("days on which other was spent than rows cost", _uneven_days()),
        none("invariants broken", (f"{rule}: {line}" for rule, broken in broken_invariants().items() for line in broken)),
    ]


def failed(begun: Collection[uuid.UUID]) -> list[str]:
    """Return the executions that came to no whole runbook, with the reason of each step that failed."""
    from bookops.runs import BROKEN
    from runbooks.models import StepRun

    steps = StepRun.objects.filter(execution_id__in=begun, state__in=BROKEN, is_current=True)
    return [f"{run.execution_id} {run.name} {run.state}: {run.reason} {run.detail}" for run in steps]


def _stuck(executions: Iterable[Any]) -> list[str]:
    from bookops.runs import State
    from runbooks.models import StepRun

    stuck = []
    for one in executions:
        waiting = StepRun.objects.filter(execution=one, is_current=True).exclude(state__in=[State.SUCCEEDED, State.CANCELLED])
        unsaid = [run for run in waiting if run.state in (State.PENDING, State.RUNNING) or not run.reason]
        if unsaid or not (one.has_ended or waiting) or (one.state == State.FAILED and not one.reason):
            stuck.append(f"{one.pk} {one.state} {one.reason}: {[(run.name, run.state, run.reason) for run in unsaid]}")
    return stuck


def _doubled_runbooks() -> list[str]:
    from django.db.models import Count

    from runbooks.models import EvalRunbook, Listing

    doubled = Listing.objects.annotate(n=Count("copies")).filter(n__gt=1)
    alone = EvalRunbook.objects.filter(executions=None)
    return [f"listing {one.pk}: {one.n} copies" for one in doubled] + [f"runbook {one.pk} of no execution" for one in alone]


def _wrong_versions(executions: Collection[uuid.UUID]) -> list[str]:
    """Return the executions of which other than one version was kept for each time that their results were put together."""
    from django.db.models import Count

    from runbooks.models import RunbookVersion, StepRun
    from runbooks.plan import ASSEMBLE

    kept = RunbookVersion.objects.filter(execution_id__in=executions).order_by().values_list("execution").annotate(n=Count("pk"))
    saved = StepRun.objects.filter(execution_id__in=executions, name=ASSEMBLE, state="succeeded").order_by()
    versions, savings = dict(kept), dict(saved.values_list("execution").annotate(n=Count("pk")))
    return [
        f"{pk}: {versions.get(pk, 0)} versions, saved {savings.get(pk, 0)} times"
        for pk in executions
        if versions.get(pk, 0) != savings.get(pk, 0)
    ]


def _stored_twice(executions: Collection[uuid.UUID]) -> list[str]:
    from django.db.models import Count

    from runbooks.models import StepAttempt

    stored = StepAttempt.objects.filter(step__execution_id__in=executions, outcome="succeeded").order_by()
    twice = stored.values_list("step__execution", "step__name", "step__number").annotate(n=Count("pk")).filter(n__gt=1)
    return [f"{name} {number} of {pk}: {n} times" for pk, name, number, n in twice]


def _wrongly_told(executions: Iterable[Any]) -> list[str]:
    """Return the ends of which other than one notice was written, or one that went out other than once by e-mail."""
    from bookops.notices import Delivery, Notice

    notices = Counter(Notice.objects.order_by().values_list("run_id", flat=True))
    wrong = [f"{one.pk} {one.state}: {notices[one.pk]} notices" for one in executions if one.has_ended and notices[one.pk] != 1]
    unsent = Delivery.objects.exclude(state="succeeded")
    return wrong + [f"{one.notice.run_id}: its mail is {one.state} {one.reason}" for one in unsent.select_related("notice")]


def mails(text: str) -> Counter[uuid.UUID]:
    """Return how often each execution's end was mailed, from the log of whoever sends."""
    lines = (line.removeprefix("execution: ") for line in text.splitlines() if line.startswith("execution: "))
    return Counter(uuid.UUID(line) for line in lines)


def mailed_twice(sent: Counter[uuid.UUID]) -> list[str]:
    """Return the ends that were mailed twice though no worker was killed between sending and noting it."""
    from bookops.notices import Delivery

    lost = dict(Delivery.objects.values_list("notice__run_id", "losses"))
    return [f"{pk}: {times} mails" for pk, times in sent.items() if times > 1 + lost.get(pk, 0)]


def money_held() -> list[str]:
    """Return the purses that hold money though nothing is at work."""
    from bookops.spend import Account

    return [f"{one.scope}: {one.held}" for one in Account.objects.exclude(held=0)]


def _uneven_days() -> list[str]:
    """Return the owners who have spent on all days together other than what their steps and items cost."""
    from django.db.models import Sum

    from bookops.spend import Account
    from llmjobs.models import LLMJobItem
    from runbooks.models import StepRun

    cost: Counter[int] = Counter()
    for owner, spent in StepRun.objects.order_by().values_list("execution__owner").annotate(n=Sum("cost")):
        cost[owner] += spent
    for owner, spent in LLMJobItem.objects.order_by().values_list("owner").annotate(n=Sum("cost")):
        cost[owner] += spent
    spent_by: Counter[int] = Counter()
    for account in Account.objects.filter(scope__startswith="owner:"):
        spent_by[int(account.scope.split(":")[1])] += account.spent
    return [
        f"owner {owner}: {spent_by[owner]} spent, rows cost {cost[owner]}" for owner in {*cost, *spent_by} if cost[owner] != spent_by[owner]
    ]
