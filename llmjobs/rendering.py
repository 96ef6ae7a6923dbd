"""Render a job's prompts from its frozen scope into items, a portion a transaction, so that it can stop anywhere and go on behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from bookops.clock import database_now
from bookops.language_models import LanguageModel
from bookops.leases import heartbeat
from bookops.progress import wake_sometimes
from bookops.runs import State
from llmjobs.copying import insert_rows
from llmjobs.item_values import ItemRows
from llmjobs.models import JobScope, LLMJob, LLMJobItem
from llmjobs.questions import Asking

#: Targets rendered in one transaction.
PORTION = 500


class LeaseLost(Exception):
    """Another worker renders by now, or the job was cancelled."""


def render(job: LLMJob) -> bool:
    """Render what is left of a job that the caller has claimed; True when all of it is, False when the lease was lost."""
    rendering = Rendering(job)
    with heartbeat.holding(job):
        try:
            while True:
                for scope in JobScope.objects.filter(job=job, rendered=False).order_by("number"):
                    rendering.render_scope(scope)
                if rendering.finish():
                    return True
        except LeaseLost:
            return False


class Rendering:
    """Render one job under the lease of its instance."""

    def __init__(self, job: LLMJob) -> None:
        self.job = job
        self.asking = Asking.of(job)
        self._asks = [_Ask(job, ask) for ask in job.asks]

    def render_scope(self, scope: JobScope) -> None:
        """Render the targets of a scope behind those that are rendered already, and mark it."""
        done = JobScope.objects.filter(job=self.job, number__lt=scope.number)
        before = sum(len(one.ids) for one in done)
        for start in range(self.job.rendered - before, len(scope.ids), PORTION):
            ids = scope.ids[start : start + PORTION]
            rows = self._rows(ids, before + start)
            with transaction.atomic():
                self.job.rendered = before + start + len(ids)
                if not LLMJob.objects.all().held([self.job]).update(rendered=self.job.rendered):
                    raise LeaseLost
                insert_rows(LLMJobItem, rows)
                transaction.on_commit(lambda: wake_sometimes(self.job.pk))
        JobScope.objects.filter(pk=scope.pk).update(rendered=True)

    def finish(self) -> bool:
        """Move the job on to being worked on; False when targets were added meanwhile."""
        with transaction.atomic():
            # Whoever adds targets locks it too.
            LLMJob.objects.select_for_update().get(pk=self.job.pk)
            if JobScope.objects.filter(job=self.job, rendered=False).exists():
                return False
            ours = LLMJob.objects.all().held([self.job])
            if not ours.update(stage=LLMJob.Stage.WORKING, lease_owner=None, lease_until=None, ring_at=None, reason="", detail=""):
                raise LeaseLost
            self.job.record("rendered", items=self.job.total_items)
        return True

    def _rows(self, ids: Sequence[int], offset: int) -> list[list[Any]]:
        """Return the items of some targets, one a model asked; a target that is gone by now gets failed ones."""
        purpose = self.asking.purpose
        found = purpose.targets(self.job.owner_id).in_bulk(ids)
        targets = [found[pk] for pk in ids if pk in found]
        values = {target.pk: told for target, told in zip(targets, purpose.variables(targets), strict=True)}
        now = database_now()
        rows = []
        for place, pk in enumerate(ids, start=offset):
            told = self._told(found[pk], purpose.render(self.job.template, values[pk])) if pk in found else GONE
            for number, ask in enumerate(self._asks, start=place * len(self._asks) + 1):
                rows.append(ask.row(self.asking, told, now, number=number, target_id=pk))
        return rows

    def _told(self, target: Any, prompt: str) -> dict[str, Any]:
        """Return what the items of a target have in common."""
        return {
            "prompt": prompt,
            "target_label": str(target)[:300],
            "target_version": self.asking.purpose.version_of(target),
            "estimated_tokens": self.asking.tokens(prompt),
        }


#: The items of a target that was deleted between the freezing of the scope and its rendering.
GONE = {"state": State.FAILED, "reason": "gone", "detail": "It was deleted before it could be asked about."}


class _Ask:
    """Make the items by which one model is asked."""

    def __init__(self, job: LLMJob, ask: Mapping[str, Any]) -> None:
        self._provider, self._model, self._effort = ask["provider"], ask["model"], ask["effort"]
        self._most_output = ask["most_output_tokens"]
        model = LanguageModel.objects.filter(provider=self._provider, name=self._model).first()
        self._context = model.context_tokens if model else 0
        self._rows = ItemRows(LLMJobItem(
            job=job, owner_id=job.owner_id, number=0, target_id=0, next_at=database_now(), provider=self._provider, way=ask["way"],
            model=self._model, effort=self._effort, tier=ask["tier"], most_output_tokens=self._most_output,
        ))  # fmt: skip

    def row(self, asking: Asking, told: Mapping[str, Any], now: datetime, **named: Any) -> list[Any]:
        """Return one item; it has failed already where it cannot be asked."""
        if "prompt" not in told:
            return self._rows.row(**told, **named, ended_at=now)
        digest = asking.digest(self._provider, self._model, self._effort, told["prompt"])
        tokens = told["estimated_tokens"]
        if tokens + self._most_output <= self._context:
            return self._rows.row(**told, **named, digest=digest)
        detail = f"About {tokens:,} tokens of prompt and {self._most_output:,} of answer pass {self._context:,}."
        return self._rows.row(
            **told, **named, digest=digest, state=State.FAILED, ended_at=now, reason="prompt_too_long", detail=detail
        )  # fmt: skip
