"""Notices: telling an owner once how a run ended, in the app, by e-mail, by signed webhook, as the owner chose."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any, Protocol

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction

from bookops.clock import database_now
from bookops.connections import let_go
from bookops.events import FollowedRun
from bookops.outbound.errors import Refused, SourceError, TryAgain
from bookops.outbound.guard import GuardedDoor
from bookops.outbound.wire import Bounds
from bookops.runs import Run, State
from bookops.webhooks import Webhook, signature

log = structlog.get_logger(__name__)

#: So many deliveries are tried in one round, which takes about so long.
AT_ONCE = 200
ROUND_SECONDS = 20.0
#: A receiver may ask us to come later, but not never.
LONGEST_WAIT_SECONDS = 3600.0


class NoticeChoice(models.Model):
    """Hold what an owner wants to be told, and how; who has chosen nothing gets notices in the app and by webhook."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_choice")
    in_app = models.BooleanField(default=True)
    by_email = models.BooleanField(default=False)
    by_webhook = models.BooleanField(default=True)
    on_success = models.BooleanField(default=True)
    on_failure = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"choice of {self.owner_id}"

    def wants(self, outcome: str) -> bool:
        """Say whether the owner wants to hear of such an end."""
        return self.on_success if outcome == State.SUCCEEDED else self.on_failure


class Notice(models.Model):
    """Hold one thing an owner is told: that a run ended, and how."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    run_id = models.UUIDField()
    outcome = models.CharField(max_length=10)
    #: Which of the run's openings came to this end: a run that was retried ends again.
    opening = models.PositiveSmallIntegerField(default=0)
    subject = models.CharField(max_length=300)
    facts = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    in_app = models.BooleanField(default=True)
    read_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run_id", "outcome", "opening"], name="an_end_of_a_run_is_told_once"),
        ]
        indexes = [models.Index(fields=["owner", "-created_at"], name="notices_newest_first")]

    def __str__(self) -> str:
        return self.subject

    def as_message(self) -> dict[str, Any]:
        """Return what a webhook posts."""
        return {
            "id": str(self.pk),
            "type": "run.ended",
            "run": str(self.run_id),
            "outcome": self.outcome,
            "subject": self.subject,
            "facts": self.facts,
            "at": self.created_at.isoformat(),
        }


class Delivery(Run):
    """Hold one notice on its way out of the house: a row of the outbox, tried until it arrives or its attempts are used up."""

    class Channel(models.TextChoices):
        EMAIL = "email", "e-mail"
        WEBHOOK = "webhook", "webhook"

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    webhook = models.ForeignKey(Webhook, null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries")

    class Meta(Run.Meta):
        verbose_name_plural = "deliveries"
        constraints = [
            *Run.Meta.constraints,
            models.UniqueConstraint(fields=["notice", "channel", "webhook"], name="a_notice_goes_to_an_endpoint_once"),
            models.UniqueConstraint(
                fields=["notice"], condition=models.Q(channel="email"), name="a_notice_goes_to_its_owner_by_email_once"
            ),
        ]
        indexes = [
            # The outbox: what is due.
            models.Index(fields=["next_at"], condition=models.Q(state="pending"), name="deliveries_due"),
            models.Index(fields=["lease_until"], condition=models.Q(state="running"), name="deliveries_by_lease"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.notice_id}"


class Door(Protocol):
    """What posts to a webhook."""

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> Any:
        """Send and return the answer; raise one of the four errors."""


def notify(run: FollowedRun, *, outcome: str, subject: str, facts: dict[str, Any]) -> Notice | None:
    """Write down that a run has ended, in the caller's transaction; None if that has been told, or nobody wants to hear it.

    What leaves the house is sent later by `send_due_notices`.
    """
    choice = NoticeChoice.objects.filter(owner_id=run.owner_id).first() or NoticeChoice(owner_id=run.owner_id)
    if not choice.wants(outcome):
        return None
    with transaction.atomic():
        notice, is_new = Notice.objects.get_or_create(
            run_id=run.pk,
            outcome=outcome,
            opening=run.reopenings,
            # A subject goes into an e-mail's header, where a file name with a line break has no place.
            defaults={"owner_id": run.owner_id, "subject": " ".join(subject.split())[:300], "facts": facts, "in_app": choice.in_app},
        )
        if not is_new:
            return None
        deliveries = []
        if choice.by_email and run.owner.email:
            deliveries.append(Delivery(notice=notice, channel=Delivery.Channel.EMAIL))
        if choice.by_webhook:
            active = Webhook.objects.filter(owner_id=run.owner_id, active=True)
            deliveries += [Delivery(notice=notice, channel=Delivery.Channel.WEBHOOK, webhook=webhook) for webhook in active]
        Delivery.objects.bulk_create(deliveries)
    return notice


def send_due_notices(door: Door | None = None, *, budget: float = ROUND_SECONDS) -> int:
    """Send what is due for at most `budget` seconds and return how many arrived; no connection is held while sending.

    Any number may run at once: each delivery is claimed just before it is sent, so that its lease outlasts the sending.
    """
    now = database_now()
    outbox = Delivery.objects.all()
    outbox.free(list(outbox.expired(now).values_list("pk", flat=True)[:AT_ONCE]), now)
    due = list(outbox.filter(state=State.PENDING, next_at__lte=now).order_by("next_at").values_list("pk", flat=True)[:AT_ONCE])
    door = door or outside_door()
    stop_at = time.monotonic() + budget
    arrived = 0
    for pk in due:
        if time.monotonic() > stop_at:
            break
        if outbox.claim([pk]):
            arrived += _send(outbox.select_related("notice__owner", "webhook").get(pk=pk), door)
    return arrived


def outside_door() -> Door:
    """Return the guarded door to addresses that users name."""
    return GuardedDoor(
        user_agent=settings.USER_AGENT, bounds=Bounds(connect=3.0, read=5.0, total=settings.WEBHOOK_SECONDS, max_bytes=64 * 1024)
    )


def _send(delivery: Delivery, door: Door) -> bool:
    held_under = delivery.lease_owner
    let_go()
    try:
        if delivery.channel == Delivery.Channel.EMAIL:
            _send_email(delivery.notice)
        else:
            _post(delivery, door)
    except Exception as error:
        # A mail server can fail in any way; the row keeps the reason and is tried again.
        _note_failure(delivery, error if isinstance(error, SourceError) else TryAgain(type(error).__name__, reason="not_sent"))
    else:
        delivery.after_success(database_now())
    fields = ("state", "reason", "detail", "next_at", "ring_at", "ended_at", "lease_owner")
    still_ours = Delivery.objects.filter(pk=delivery.pk, state=State.RUNNING, lease_owner=held_under)
    stored = still_ours.update(lease_until=None, **{name: getattr(delivery, name) for name in fields})
    return bool(stored) and delivery.state == State.SUCCEEDED


def _note_failure(delivery: Delivery, error: SourceError) -> None:
    log.warning("notice_not_sent", delivery=delivery.pk, channel=delivery.channel, reason=error.reason)
    if isinstance(error, Refused):
        delivery.after_refusal(database_now(), reason=error.reason, detail=error.detail)
    else:
        retry_after = min(getattr(error, "retry_after", None) or 0, LONGEST_WAIT_SECONDS)
        delivery.after_failure(database_now(), retry_after=retry_after, reason=error.reason, detail=error.detail)


def _send_email(notice: Notice) -> None:
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in notice.facts.items() if not isinstance(value, dict | list)]
    text = "\n".join([notice.subject, "", *lines, "", f"{settings.PUBLIC_URL}/admin/"])
    EmailMessage(f"[bookops] {notice.subject}", text, to=[notice.owner.email]).send()


def _post(delivery: Delivery, door: Door) -> None:
    webhook = delivery.webhook
    if webhook is None or not webhook.active:
        raise Refused("switched off", reason="webhook_off")
    body = json.dumps(delivery.notice.as_message(), ensure_ascii=False).encode()
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "X-Bookops-Delivery": str(delivery.notice_id),
        "X-Bookops-Timestamp": str(timestamp),
        "X-Bookops-Signature": signature(webhook.secret, timestamp, body),
    }
    door.post(webhook.url, body, headers)
