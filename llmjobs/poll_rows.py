"""What the poller keeps: its rounds, the messages it was sent, and whose turn it is."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class PollTick(models.Model):
    """Hold what one round of the poller did, under the first design's names."""

    started_at = models.DateTimeField(db_index=True)
    seconds = models.FloatField(default=0)
    jobs_polled = models.PositiveIntegerField(default=0)
    items_polled = models.PositiveIntegerField(default=0)
    items_updated = models.PositiveIntegerField(default=0)
    jobs_resolved = models.JSONField(default=list)
    errors = models.PositiveIntegerField(default=0)
    #: Calls that a provider throttled.
    throttled = models.PositiveIntegerField(default=0)
    #: {provider status: how often} for words that nobody has mapped.
    unmapped = models.JSONField(default=dict, blank=True)
    #: Its time was over before everything was asked.
    cut_short = models.BooleanField(default=False)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.started_at:%H:%M:%S} {self.items_polled} polled"


class ProviderMessage(models.Model):
    """Hold the id of a webhook message that was taken, so that a replay is refused; and the response it told of, if nobody knew that."""

    message_id = models.CharField(max_length=100, unique=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    response_id = models.CharField(max_length=100, blank=True)
    #: When the sweeper rings again to ask whose the response is; None once that is known.
    ring_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["ring_at"], condition=~Q(ring_at=None), name="messages_to_ask_about")]

    def __str__(self) -> str:
        return self.message_id


class Turn(models.Model):
    """Hold who may do something that only one may do at a time, such as a poller's tick, and until when."""

    name = models.CharField(max_length=60, unique=True)
    token = models.UUIDField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
