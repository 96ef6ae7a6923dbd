"""RunEvent: the one list that the admin's timeline, the API's history and the websocket are read from."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F

from bookops.runs import Run


class RunEvent(models.Model):
    """Hold one thing that happened to a followed run; `seq` has no gaps within a run."""

    run_id = models.UUIDField()
    seq = models.PositiveIntegerField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["run_id", "seq"]
        constraints = [models.UniqueConstraint(fields=["run_id", "seq"], name="events_of_a_run_are_numbered_once")]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class FollowedRun(Run):
    """Hold a run that people watch: it has an owner, a public id, a list of events and an end that happens once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="%(class)ss")
    last_seq = models.PositiveIntegerField(default=0, editable=False)
    #: How often it came to an end; a retry of a failed run is the only thing that may raise `reopenings`.
    finishes = models.PositiveSmallIntegerField(default=0, editable=False)
    reopenings = models.PositiveSmallIntegerField(default=0, editable=False)
    deadline_at = models.DateTimeField(null=True, blank=True)

    class Meta(Run.Meta):
        abstract = True
        constraints = [
            *Run.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(finishes__lte=F("reopenings") + 1), name="%(app_label)s_%(class)s_ends_once_per_opening"
            ),
        ]

    def record(self, kind: str, **payload: Any) -> RunEvent:
        """Append an event with the next number and wake whoever watches, in the caller's transaction if there is one.

        The UPDATE of `last_seq` locks the run, so that numbers have neither gaps nor doubles. Two queries; three where somebody else has
        recorded since this instance was read.
        """
        from bookops.progress import wake

        with transaction.atomic(savepoint=False):
            rows = type(self)._default_manager.filter(pk=self.pk)
            if rows.filter(last_seq=self.last_seq).update(last_seq=self.last_seq + 1):
                self.last_seq += 1
            else:
                rows.update(last_seq=F("last_seq") + 1)
                self.last_seq = rows.values_list("last_seq", flat=True).get()
            event = RunEvent.objects.create(run_id=self.pk, seq=self.last_seq, owner_id=self.owner_id, kind=kind, payload=payload)
            if event.seq > 1:  # whoever is told of a new run is told after its first event
                transaction.on_commit(lambda: wake(self.pk), robust=True)
        return event
