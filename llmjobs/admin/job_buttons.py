"""What staff can press on the page of a job: each makes one call of llmjobs."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from bookops.buttons import Button, NothingMoved
from bookops.language_models import MILLION
from bookops.runs import BROKEN, ENDED, OPEN, State
from bookops.spend import dollars
from llmjobs import batching, jobs, polling, reconciling
from llmjobs.models import JobUndo, LLMJob, LLMJobItem, Proposal, ProviderBatch
from llmjobs.plans import PRIORITIES
from llmjobs.undoing import Undone, undo_job

RUN = "llmjobs.run_job"
REVIEW = "llmjobs.review_answers"
DELETE = "llmjobs.delete_llmjob"
#: Dollars; what a column of microdollars holds with room to spare.
MOST_CAP = Decimal(1_000_000)
LONGEST_ID = 100


def items_moved(count: int, what: str) -> str:
    """Return what to tell about items that a button moved."""
    if not count:
        return NothingMoved(f"No item was {what}: there is none that could be.")
    return f"{count:,} {'item was' if count == 1 else 'items were'} {what}."


def undone_words(undone: Undone | JobUndo) -> str:
    """Return what taking back came to."""
    if not undone.undone and not undone.kept and not undone.failed:
        return NothingMoved("Nothing was undone: no answer stands as it was written.")
    kept = f" {undone.kept:,} field{'s were' if undone.kept != 1 else ' was'} left: somebody has touched them since." if undone.kept else ""
    failed = f" {undone.failed:,} could not be put back by a fault of ours." if undone.failed else ""
    return f"{undone.undone:,} answer{'s were' if undone.undone != 1 else ' was'} undone.{kept}{failed}"


def dollars_typed(words: str) -> int | None:
    """Return a sum of dollars in microdollars, None for an empty one; raises ValidationError."""
    if not words.strip():
        return None
    try:
        amount = Decimal(words.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= MOST_CAP:
        raise ValidationError(f"A cap is a number of dollars from 0 to {MOST_CAP:,}.")
    return int(amount * MILLION)


def cancel(request: HttpRequest, job: LLMJob, value: str) -> str:
    return "The job was cancelled." if jobs.cancel(job) else NothingMoved("The job had ended already.")


def pause(request: HttpRequest, job: LLMJob, value: str) -> str:
    return "The job is paused: nothing more is sent." if jobs.pause(job) else NothingMoved("The job is paused already, or has ended.")


def resume(request: HttpRequest, job: LLMJob, value: str) -> str:
    return "The job goes on." if jobs.resume(job) else NothingMoved("The job was not paused.")


def retry_failed(request: HttpRequest, job: LLMJob, value: str) -> str:
    return items_moved(jobs.retry_failed(job), "sent round again")


def poll_now(request: HttpRequest, job: LLMJob, value: str) -> str:
    polling.poll_now()
    return "The poller was rung for."


def undo(request: HttpRequest, job: LLMJob, value: str) -> str:
    undo = undo_job(job, by=request.user)
    if undo is None:
        return undone_words(Undone())
    return f"The job is being undone: {undo.total:,} answer{'s' if undo.total != 1 else ''}."


def delete(request: HttpRequest, job: LLMJob, value: str) -> str:
    jobs.delete_job(job)
    return f"{job.label} was deleted; what it changed stays."


def change_priority(request: HttpRequest, job: LLMJob, value: str) -> str:
    if value not in PRIORITIES:
        raise ValidationError(f"A priority is {', '.join(PRIORITIES)}.")
    jobs.change_priority(job, PRIORITIES[value])
    return f"The priority is {value} now."


def change_cap(request: HttpRequest, job: LLMJob, value: str) -> str:
    cap = dollars_typed(value)
    jobs.change_cap(job, cap)
    return "The job has no cap but its owner's now." if cap is None else f"The job may spend {dollars(cap)} now."


def send_unknown_again(request: HttpRequest, job: LLMJob, value: str) -> str:
    return items_moved(reconciling.send_again(job, LLMJobItem.objects.filter(job=job), by=request.user), "sent again")


def give_up_unknown(request: HttpRequest, job: LLMJob, value: str) -> str:
    return items_moved(reconciling.give_up(job, LLMJobItem.objects.filter(job=job), by=request.user), "given up")


def create_batch_again(request: HttpRequest, job: LLMJob, value: str) -> str:
    if not batching.create_again(_batch(job, value), by=request.user):
        raise ValidationError("That batch does not wait for a person.")
    return "The batch is sent again."


def adopt_batch(request: HttpRequest, job: LLMJob, value: str) -> str:
    provider_id = request.POST.get("provider_id", "").strip()[:LONGEST_ID]
    if not provider_id:
        raise ValidationError("Name the batch's id at the provider.")
    if ProviderBatch.objects.filter(provider_id=provider_id).exists() or not reconciling.adopt_batch(_batch(job, value), provider_id):
        raise ValidationError("A batch of that id is known already.")
    return f"The batch is taken for {provider_id}, and asked for from the next tick on."


def _batch(job: LLMJob, value: str) -> ProviderBatch:
    found = ProviderBatch.objects.filter(job=job, pk=value, provider_id="").first() if value.isascii() and value.isdigit() else None
    if found is None:
        raise ValidationError("The job has no such batch.")
    return found


def has_failed_items(job: LLMJob) -> bool:
    """Say whether there is something to send round again."""
    return job.state != State.CANCELLED and job.items.filter(state__in=BROKEN).exists()


def has_unknown_items(job: LLMJob) -> bool:
    """Say whether items wait that were perhaps sent."""
    return job.items.filter(state=State.RUNNING, stage=LLMJobItem.Stage.UNKNOWN).exists()


def may_be_undone(job: LLMJob) -> bool:
    """Say whether an answer of the job was applied, and nobody is taking it back already."""
    is_written = Proposal.objects.filter(job=job, state=Proposal.State.APPLIED).exists()
    return is_written and not JobUndo.objects.filter(job=job, ended_at=None).exists()


JOB_BUTTONS = (
    Button("poll_now", "Poll now", poll_now, RUN, shown=lambda job: job.state in OPEN and job.submitted_at is not None),
    Button("pause", "Pause", pause, RUN, shown=lambda job: job.state in OPEN and job.paused_at is None),
    Button("resume", "Resume", resume, RUN, shown=lambda job: job.state in OPEN and job.paused_at is not None),
    Button("retry_failed", "Retry failed", retry_failed, RUN, shown=has_failed_items),
    Button(
        "send_unknown_again",
        "Send again what was perhaps sent",
        send_unknown_again,
        RUN,
        shown=has_unknown_items,
        confirm="Nobody can tell whether these items reached the provider. What did is paid twice.",
    ),
    Button(
        "give_up_unknown",
        "Give up what was perhaps sent",
        give_up_unknown,
        RUN,
        shown=has_unknown_items,
        confirm="These items fail. They can be sent round again like all others that failed.",
    ),
    Button(
        "cancel",
        "Cancel the job",
        cancel,
        RUN,
        shown=lambda job: job.state not in ENDED,
        confirm="Nothing more is sent. What a provider works on is cancelled there; what it answers all the same is paid and never applied.",
    ),
    Button(
        "undo",
        "Undo this job",
        undo,
        REVIEW,
        shown=may_be_undone,
        confirm="All that its answers changed goes back to what it was, but for what somebody has touched since.",
    ),
    Button("delete", "Delete", delete, DELETE, confirm="The job is cancelled if it still runs, and shown no more. What it changed stays."),
    Button("priority", "Change the priority", change_priority, RUN, shown=None),
    Button("cap", "Change the cap", change_cap, RUN, shown=None),
    Button("create_batch_again", "Send the batch again", create_batch_again, RUN, shown=None),
    Button("adopt_batch", "It is this one", adopt_batch, RUN, shown=None),
)
