"""OpenAI's responses in the background: one call a question, polled by its id.

Documentation: https://platform.openai.com/docs/guides/background, https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

from bookops.outbound.http import Door
from bookops.outbound.sdk import openai_client
from llmjobs.providers import Question, Result
from llmjobs.providers.registry import registered


@registered
class OpenAIResponses:
    """Ask OpenAI through its SDK on a door; raises one of the four errors, and nothing else."""

    provider = "openai"
    way = "responses"

    def __init__(self, door: Door, key: str) -> None:
        self._client = openai_client(door, key)

    def submit(self, question: Question, *, flow: str = "") -> Result:
        raise NotImplementedError

    def look(self, task_id: str, *, flow: str = "") -> Result:
        raise NotImplementedError

    def cancel(self, task_id: str) -> Result:
        raise NotImplementedError
