"""The first design's poller, on the same load: each tick asks the first fifty open items of each job by ascending id, twenty at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from llmjobs.doors import open_background
from llmjobs.models import LLMJob, LLMJobItem
from llmjobs.providers import Verdict

#: Its CONCURRENT_BATCH_SIZE and MAX_ITEMS_PER_JOB.
AT_ONCE, ITEMS_A_JOB = 20, 50


class SeedPoller:
    """Poll as the first design did; what it learns it keeps to itself."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self._ended: set[int] = set()

    def tick(self) -> None:
        """Ask once for all whose turn it is; the next twenty wait for the slowest of the twenty before them."""
        provider = open_background("openai")
        turn = [item for job in LLMJob.objects.order_by("pk") for item in self._first_of(job)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for start in range(0, len(turn), AT_ONCE):
                some = turn[start : start + AT_ONCE]
                for item, said in zip(some, pool.map(lambda item: provider.look(item.provider_task_id), some), strict=True):
                    self.seen.add(item.pk)
                    if said.verdict not in (Verdict.OPEN, Verdict.UNMAPPED):
                        self._ended.add(item.pk)

    def _first_of(self, job: LLMJob) -> list[LLMJobItem]:
        items = LLMJobItem.objects.at_provider().filter(job=job).exclude(pk__in=self._ended)
        return list(items.only("provider_task_id").order_by("pk")[:ITEMS_A_JOB])
