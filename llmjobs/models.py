"""The tables of jobs, each beside what it is about."""

from llmjobs.item_rows import ItemAttempt, LLMJobItem, ProviderBatch
from llmjobs.job_rows import JobScope, LLMJob
from llmjobs.poll_rows import PollTick, ProviderMessage, Turn
from llmjobs.proposal_rows import Proposal
from llmjobs.undo_rows import JobUndo

__all__ = ["ItemAttempt", "JobScope", "JobUndo", "LLMJob", "LLMJobItem", "PollTick", "Proposal", "ProviderBatch", "ProviderMessage", "Turn"]
