"""Books asked about all the time, and what is left of it: a line for each promise about jobs."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.chaos.evaluations import money_held
from tests.chaos.people import People, owner_named
from tests.chaos.taken import Taken
from tests.chaos.verdict import Line, gaps, none

#: One by one in the background; in batches of either provider.
WAYS: Mapping[str, Mapping[str, Any]] = {
    "responses": {"provider": "openai", "way": "responses", "model": "gpt-6-luna"},
    "OpenAI's batches": {"provider": "openai", "way": "batch", "model": "gpt-6-luna"},
    "Anthropic's batches": {"provider": "anthropic", "way": "batch", "model": "claude-haiku-5-5"},
}
#: After so long a listing that does not show a batch has told that there is none; the product's own is twelve minutes.
LONG_ENOUGH = timedelta(minutes=15)


def ask(owner: str, ask: Mapping[str, Any], books: int) -> uuid.UUID:
    """Begin a job over so many new books of an owner, whose answers are applied as they come, and return it."""
    from bookops.books import Book
    from llmjobs.jobs import create_job
    from llmjobs.plans import Plan, Scope

    person = owner_named(owner)
    made = Book.objects.bulk_create(Book(owner=person, title=f"Book {uuid.uuid4().hex[:8]}", author="An Author") for _ in range(books))
    plan = Plan(asks=(ask,), policy="apply", uses_kept_answers=False)
    return create_job(person, "flag", Scope("ids", tuple(book.pk for book in made)), plan).pk


@dataclass
class Asker(People):
    """Keep some jobs under way, of each way in turn; no two ask about as many books, for by that a lost batch is told from others."""

    begun: list[uuid.UUID] = field(default_factory=list)

    def act(self) -> None:
        """Begin the next job; now and then its owner thinks better of it."""
        number = len(self.begun)
        job_id = ask(self.chance.choice(("ada", "bruno")), [*WAYS.values()][number % len(WAYS)], 5 + number % 40)
        self.begun.append(job_id)
        self.thinks_better(lambda: _cancel(job_id))

    def under_way(self) -> int:
        """Count the jobs that have not ended."""
        from bookops.runs import ENDED
        from llmjobs.models import LLMJob

        return LLMJob.objects.exclude(state__in=ENDED).count()


def _cancel(job_id: uuid.UUID) -> bool:
    from llmjobs.jobs import cancel
    from llmjobs.models import LLMJob

    return cancel(LLMJob.objects.get(pk=job_id))


def all_ended() -> bool:
    """Say whether every job and every batch has ended, and nothing given up is left at a provider."""
    from bookops.runs import ENDED
    from llmjobs.models import LLMJob, LLMJobItem, ProviderBatch

    jobs = LLMJob.objects.exclude(state__in=ENDED)
    batches = ProviderBatch.objects.exclude(state__in=ENDED)
    return not (
        jobs.exists() or batches.exists() or LLMJobItem.objects.left_there().exists() or LLMJobItem.objects.exclude(held=0).exists()
    )


def all_ended_or_unsure() -> bool:
    """Say the same, but for what was perhaps sent, for which only time or a person helps."""
    from bookops.runs import ENDED
    from llmjobs.models import LLMJobItem, ProviderBatch

    unsure = ProviderBatch.objects.filter(provider_id="").exclude(sending_at=None)
    batches = ProviderBatch.objects.exclude(state__in=ENDED).exclude(pk__in=unsure)
    items = LLMJobItem.objects.exclude(state__in=ENDED).exclude(stage="unknown").exclude(batch__in=unsure)
    return not (batches.exists() or items.exists())


def unsure() -> dict[str, int]:
    """Count what was perhaps sent."""
    from bookops.runs import ENDED
    from llmjobs.models import LLMJobItem, ProviderBatch

    return {
        "items": LLMJobItem.objects.filter(state="running", stage="unknown").count(),
        "batches": ProviderBatch.objects.filter(provider_id="").exclude(sending_at=None).exclude(state__in=ENDED).count(),
    }


def let_time_pass() -> None:
    """Have what was perhaps sent have been so longer ago than a listing can be behind."""
    from bookops.clock import database_now
    from llmjobs.models import ProviderBatch

    for batch in ProviderBatch.objects.filter(provider_id="", state="pending").exclude(sending_at=None):
        ProviderBatch.objects.filter(pk=batch.pk).update(sending_at=batch.sending_at - LONG_ENOUGH, next_at=database_now())


def decide(taken: Taken) -> Counter[str]:
    """Decide as a person who looks at the provider: adopt what is there, send again what is not; return how often each."""
    from llmjobs.batching import create_again
    from llmjobs.models import LLMJobItem, ProviderBatch
    from llmjobs.reconciling import adopt_batch, adopt_response, send_again

    done: Counter[str] = Counter()
    for item in LLMJobItem.objects.filter(state="running", stage="unknown").select_related("job"):
        there = taken.by_intent.get(str(item.intent))
        if there:
            done["responses adopted"] += adopt_response(item.pk, str(item.intent), there)
        else:
            done["items sent again"] += send_again(item.job, LLMJobItem.objects.filter(pk=item.pk))
    for batch in ProviderBatch.objects.filter(provider_id="", state="parked"):
        there = taken.by_intent.get(str(batch.intent))
        if there:
            done["batches adopted"] += adopt_batch(batch, there)
        else:
            done["batches created again"] += create_again(batch)
    return done


def judge(begun: Collection[uuid.UUID], taken: Taken) -> list[Line]:
    """Return the lines that hold for any jobs over new books, whatever was killed."""
    from bookops.invariants import broken_invariants
    from bookops.runs import State
    from llmjobs.models import LLMJob

    found = LLMJob.objects.in_bulk(begun)
    whole = [one for one in found.values() if one.state != State.CANCELLED]
    return [
        none("jobs lost", [pk for pk in begun if pk not in found]),
        none("jobs not ended", [f"{one.pk} {one.state} {one.stage} {one.reason}" for one in found.values() if not one.has_ended]),
        none("jobs ended twice", [one.pk for one in found.values() if one.has_ended and one.finishes != 1 + one.reopenings]),
        none("event lists with gaps", gaps(found.values())),
        none("items sent twice", taken.twice()),
        none("items paid other than once", _wrongly_paid(whole, taken)),
        none("answers applied other than once", _wrongly_applied(found.values())),
        none("aggregates other than their items", _wrong_totals(found.values())),
        none("ends told other than once", _wrongly_told(found.values())),
        none("money held for nothing", money_held()),
        none("invariants broken", (f"{rule}: {line}" for rule, broken in broken_invariants().items() for line in broken)),
    ]


def unanswered(begun: Collection[uuid.UUID]) -> list[str]:
    """Return the items of jobs that nobody cancelled that came to no answer."""
    from llmjobs.models import LLMJobItem

    items = LLMJobItem.objects.filter(job_id__in=begun).exclude(job__state="cancelled").exclude(state="succeeded")
    return [f"item {item.pk} of {item.job_id} {item.status}: {item.reason} {item.detail}" for item in items]


def _wrongly_paid(jobs: Iterable[Any], taken: Taken) -> list[str]:
    """Return the items of which other tokens were written down than their provider counted for them."""
    from llmjobs.models import LLMJobItem

    items = LLMJobItem.objects.filter(job__in=[one.pk for one in jobs]).only("pk", "input_tokens", "output_tokens")
    return [
        f"item {item.pk}: {item.input_tokens + item.output_tokens} tokens, {taken.tokens[item.pk]} there"
        for item in items
        if item.input_tokens + item.output_tokens != taken.tokens[item.pk]
    ]


def _wrongly_applied(jobs: Iterable[Any]) -> list[str]:
    """Return the books that were changed other than once for each answer that changed something; each was asked about once."""
    from bookops.books import Book
    from llmjobs.models import LLMJobItem, Proposal

    ids = [one.pk for one in jobs]
    targets = LLMJobItem.objects.filter(job_id__in=ids).values_list("target_id", flat=True)
    applied = Counter(Proposal.objects.filter(job_id__in=ids, state="applied").exclude(applied={}).values_list("target_id", flat=True))
    versions = Book.objects.filter(pk__in=targets).values_list("pk", "version")
    first = Book._meta.get_field("version").get_default()
    return [f"book {pk}: {version - first} changes, {applied[pk]} applied" for pk, version in versions if version - first != applied[pk]]


def _wrong_totals(jobs: Iterable[Any]) -> list[str]:
    from llmjobs.models import LLMJobItem

    return [f"{one.pk}: {one.totals}" for one in jobs if one.has_ended and one.totals != LLMJobItem.objects.filter(job=one).aggregates()]


def _wrongly_told(jobs: Iterable[Any]) -> list[str]:
    from bookops.notices import Notice

    notices = Counter(Notice.objects.order_by().values_list("run_id", flat=True))
    return [f"{one.pk} {one.state}: {notices[one.pk]} notices" for one in jobs if one.has_ended and notices[one.pk] != 1]
