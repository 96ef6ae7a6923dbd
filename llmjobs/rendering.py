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
        names = {ask["model"] for ask in job.asks}
        self.contexts = {
            (model.provider, model.name): model.context_tokens for model in LanguageModel.objects.filter(name__in=names)
        }  # fmt: skip

    def render_scope(self, scope: JobScope) -> None:
        """Render the targets of a scope behind those that are rendered already, and mark it."""
        done = JobScope.objects.filter(job=self.job, number__lt=scope.number)
        before = sum(len(one.ids) for one in done)
        for start in range(self.job.rendered - before, len(scope.ids), PORTION):
            ids = scope.ids[start : start + PORTION]
            items = self._items(ids, before + start)
            with transaction.atomic():
                self.job.rendered = before + start + len(ids)
                if not LLMJob.objects.all().held([self.job]).update(rendered=self.job.rendered):
                    raise LeaseLost
                LLMJobItem.objects.bulk_create(items)
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

    def _items(self, ids: Sequence[int], offset: int) -> list[LLMJobItem]:
        """Return the items of some targets, one a model asked; a target that is gone by now gets failed ones."""
        purpose = self.asking.purpose
        found = purpose.targets(self.job.owner_id).in_bulk(ids)
        targets = [found[pk] for pk in ids if pk in found]
        values = {target.pk: told for target, told in zip(targets, purpose.variables(targets), strict=True)}
        now = database_now()
        items = []
        for place, pk in enumerate(ids, start=offset):
            prompt = purpose.render(self.job.template, values[pk]) if pk in values else ""
            for number, ask in enumerate(self.job.asks, start=place * len(self.job.asks) + 1):
                item = self._item(number, pk, ask, now)
                if pk not in found:
                    item.after_refusal(now, reason="gone", detail="It was deleted before it could be asked about.")
                else:
                    self._fill(item, found[pk], prompt, now)
                items.append(item)
        return items

    def _item(self, number: int, target_id: int, ask: Mapping[str, Any], now: datetime) -> LLMJobItem:
        return LLMJobItem(
            job=self.job,
            owner_id=self.job.owner_id,
            number=number,
            target_id=target_id,
            next_at=now,
            provider=ask["provider"],
            way=ask["way"],
            model=ask["model"],
            effort=ask["effort"],
            tier=ask["tier"],
            most_output_tokens=ask["most_output_tokens"],
        )

    def _fill(self, item: LLMJobItem, target: Any, prompt: str, now: datetime) -> None:
        item.prompt = prompt
        item.target_label = str(target)[:300]
        item.target_version = self.asking.purpose.version_of(target)
        item.digest = self.asking.digest(item.provider, item.model, item.effort, prompt)
        item.estimated_tokens = self.asking.tokens(prompt)
        most = self.contexts.get((item.provider, item.model), 0)
        if item.estimated_tokens + item.most_output_tokens > most:
            detail = f"About {item.estimated_tokens:,} tokens of prompt and {item.most_output_tokens:,} of answer pass {most:,}."
            item.after_refusal(now, reason="prompt_too_long", detail=detail)
