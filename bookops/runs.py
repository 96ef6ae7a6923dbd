"""Run: the life of one piece of background work, and the only verbs that move it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from bookops.clock import database_now

#: A lease without an end has ended: a NULL compares as unknown and would hold its row for ever.
NEVER_LEASED = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class State(models.TextChoices):
    """Where a run stands; the arrows are in `Run`."""

    PENDING = "pending", "pending"
    RUNNING = "running", "running"
    PARKED = "parked", "parked"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    DEAD = "dead", "dead"
    CANCELLED = "cancelled", "cancelled"


#: Still to be worked on by a worker, now or soon.
OPEN = (State.PENDING, State.RUNNING)
#: Never moves again but by a person's retry or redrive.
ENDED = (State.SUCCEEDED, State.FAILED, State.DEAD, State.CANCELLED)
#: Ended without what was asked for; a person may send it round again.
BROKEN = (State.FAILED, State.DEAD)


class RunQuerySet(models.QuerySet[Any]):
    """The verbs of many rows at once; each is one conditional UPDATE that says how many rows it moved."""

    def claim(self, ids: Iterable[Any], *, lease: timedelta | None = None) -> list[Any]:
        """Take the due pending rows among `ids` and return those that are now ours.

        Raises `attempts` before the work, so that a row which kills its worker is still counted. Two queries.
        """
        token = uuid.uuid4()
        now = database_now()
        wanted = self.filter(pk__in=list(ids))
        won = wanted.filter(state=State.PENDING, next_at__lte=now).update(
            state=State.RUNNING,
            attempts=F("attempts") + 1,
            lease_owner=token,
            lease_until=now + (lease or lease_time()),
            started_at=Coalesce(F("started_at"), now),
        )
        return list(wanted.filter(lease_owner=token)) if won else []

    def held(self, holds: Iterable[Run]) -> Self:
        """Filter to the rows that are still held under the lease which each of `holds` was claimed with."""
        by_token: dict[uuid.UUID, list[Any]] = {}
        for run in holds:
            if run.lease_owner is not None:
                by_token.setdefault(run.lease_owner, []).append(run.pk)
        fence = Q(pk__in=[])
        for token, ids in by_token.items():
            fence |= Q(lease_owner=token, pk__in=ids)
        return self.filter(fence, state=State.RUNNING)

    def fence(self, holds: Sequence[Run]) -> set[Any]:
        """Mark the rows that are still held as being stored now and return their ids; the rest were lost to someone else.

        To be called first in the transaction that stores the results: the rows are locked until it ends.
        """
        token = uuid.uuid4()
        fenced = self.held(holds).update(lease_owner=token, lease_until=None)
        if fenced in (0, len(holds)):
            return {run.pk for run in holds} if fenced else set()
        return set(self.filter(pk__in=[run.pk for run in holds], lease_owner=token).values_list("pk", flat=True))

    def beat(self, holds: Sequence[Run], *, lease: timedelta | None = None) -> set[Any]:
        """Extend the leases that are still held; return the ids that are not."""
        now = database_now()
        self.held(holds).update(lease_until=now + (lease or lease_time()))
        return {run.pk for run in holds} - set(self.held(holds).values_list("pk", flat=True))

    def expired(self, now: datetime) -> Self:
        """Filter to running rows whose lease has run out or was never written."""
        return self.annotate(lease_end=Coalesce("lease_until", NEVER_LEASED)).filter(state=State.RUNNING, lease_end__lt=now)

    def free(self, ids: Iterable[Any], now: datetime) -> int:
        """Give rows with an expired lease back to whoever rings next; a row that lost too many leases is dead."""
        gone = {"lease_owner": None, "lease_until": None, "losses": F("losses") + 1}
        spent = Q(losses__gte=self.model.most_losses() - 1)
        if self.model.LOSS_IS_ATTEMPT:
            spent |= Q(attempts__gte=F("max_attempts"))
        else:
            gone["attempts"] = F("attempts") - 1
        lost = self.expired(now).filter(pk__in=list(ids))
        return lost.filter(spent).update(
            state=State.DEAD, reason="worker_lost", detail="Its worker ended without a word.", ended_at=now, **gone
        ) + self.expired(now).filter(pk__in=list(ids)).update(state=State.PENDING, next_at=now, ring_at=now, reason="worker_lost", **gone)

    def cancel(self, **also: Any) -> int:
        """End the rows that have not ended, and set these fields besides; a worker that still holds one finds its lease gone."""
        return self.exclude(state__in=ENDED).update(
            state=State.CANCELLED, lease_owner=None, lease_until=None, ring_at=None, ended_at=database_now(), **also
        )

    def retry(self, *, states: Sequence[State] = BROKEN, **also: Any) -> int:
        """Send ended rows round again with a fresh budget of attempts, and set these fields besides."""
        now = database_now()
        return self.filter(state__in=states).update(
            state=State.PENDING,
            max_attempts=F("attempts") + settings.MAX_ATTEMPTS,
            losses=0,
            next_at=now,
            ring_at=now,
            ended_at=None,
            lease_owner=None,
            lease_until=None,
            reason="",
            detail="",
            **also,
        )

    def resume(self, now: datetime, most: int = 500) -> int:
        """Make parked rows whose time has come pending again."""
        due = list(self.filter(state=State.PARKED, next_at__lte=now).order_by("next_at").values_list("pk", flat=True)[:most])
        return self.filter(pk__in=due, state=State.PARKED).update(state=State.PENDING, ring_at=now)


class Run(models.Model):
    """Hold the state of one piece of work that a worker does.

    pending --claim--> running --succeed--> succeeded
       ^                  |--again--> pending (later), or dead when its attempts are used up
       |                  |--wait---> pending (later): its turn had not come, so it was no attempt
       |                  |--fail---> failed (waits for a person)
       |                  |--park---> parked (a source's quota is spent) --resume--> pending
       |                  '--lease lost, freed by the sweeper--> pending or dead
       '--retry-- failed, dead                     cancel: anything that has not ended --> cancelled
    """

    State = State
    #: Whether a lease that was lost to a killed worker counts against `max_attempts` too, or against the losses only.
    LOSS_IS_ATTEMPT: ClassVar[bool] = True

    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=5)
    losses = models.PositiveSmallIntegerField(default=0)
    lease_owner = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    next_at = models.DateTimeField(default=database_now)
    #: When the doorbell is to be rung (again); empty while nobody waits for it.
    ring_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: A stable code of what went wrong last, "" when nothing did.
    reason = models.CharField(max_length=40, blank=True, default="")
    detail = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=State.values),
                name="%(app_label)s_%(class)s_state_is_one_of_seven",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[State.PENDING, State.PARKED]) | Q(lease_owner__isnull=True),
                name="%(app_label)s_%(class)s_waiting_holds_no_lease",
            ),
        ]

    @classmethod
    def most_losses(cls) -> int:
        """Return how many leases may be lost to killed workers before a run of this kind is dead."""
        return int(settings.MAX_LOSSES)

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    def after_failure(self, now: datetime, *, retry_after: float | None, reason: str, detail: str) -> None:
        """Set the fields of a row whose attempt failed but may be repeated: pending later, or dead when none is left.

        Changes the instance only; the caller stores it behind the fence.
        """
        self.reason, self.detail = reason, detail[:500]
        self.lease_owner = self.lease_until = None
        if self.attempts >= self.max_attempts:
            self.state, self.ended_at, self.ring_at = State.DEAD, now, None
            return
        self.state = State.PENDING
        self.next_at = self.ring_at = now + timedelta(seconds=wait_before(self.attempts, retry_after))

    def after_waiting(self, now: datetime, seconds: float, *, reason: str, detail: str) -> None:
        """Set the fields of a row whose turn has not come: nothing was asked, so it is no attempt."""
        self.state, self.attempts = State.PENDING, max(self.attempts - 1, 0)
        self.next_at = self.ring_at = now + timedelta(seconds=seconds)
        self.reason, self.detail = reason, detail[:500]
        self.lease_owner = self.lease_until = None

    def after_refusal(self, now: datetime, *, reason: str, detail: str) -> None:
        """Set the fields of a row that no repetition would help: it waits for a person."""
        self.state, self.ended_at, self.ring_at = State.FAILED, now, None
        self.reason, self.detail = reason, detail[:500]
        self.lease_owner = self.lease_until = None

    def after_parking(self, until: datetime, *, reason: str, detail: str) -> None:
        """Set the fields of a row whose source is spent; waiting does not count as an attempt."""
        self.state, self.next_at, self.ring_at = State.PARKED, until, None
        self.attempts = max(self.attempts - 1, 0)
        self.reason, self.detail = reason, detail[:500]
        self.lease_owner = self.lease_until = None

    def after_success(self, now: datetime) -> None:
        """Set the fields of a row that is done."""
        self.state, self.ended_at, self.ring_at = State.SUCCEEDED, now, None
        self.reason = self.detail = ""
        self.lease_owner = self.lease_until = None


def lease_time() -> timedelta:
    """Return how long a claim holds without a heartbeat."""
    return timedelta(seconds=settings.LEASE_SECONDS)


def wait_before(attempt: int, retry_after: float | None = None) -> float:
    """Return the seconds to wait after failed attempt number `attempt`.

    Full jitter over base × 2^(attempt-1), capped; a third party's own Retry-After is a floor.
    """
    most = min(settings.RETRY_BASE_SECONDS * 2 ** max(attempt - 1, 0), settings.RETRY_MOST_SECONDS)
    jittered = random.uniform(most / 2, most)  # noqa: S311 - jitter, not a secret
    return max(jittered, retry_after or 0)


__all__ = ["BROKEN", "ENDED", "OPEN", "Run", "RunQuerySet", "State", "lease_time", "wait_before"]
