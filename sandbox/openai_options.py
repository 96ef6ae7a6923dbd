"""What can be set of the sandbox's OpenAI while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.hijacked_model import MODES
from sandbox.openai_errors import RATE_LIMIT, TROUBLES
from sandbox.party import BadOption, Options


@dataclass(frozen=True, slots=True)
class OpenAIOptions(Options):
    """What can be set of OpenAI. Seconds go by the sandbox's clock; a rate is a share of 0 to 1.

    Which request meets which fate depends on its content alone, so that the same one fares the same again while the rates stay.
    """

    #: Keys taken, with commas between; "" takes any.
    keys: str = ""
    #: Refuse calls: "rate_limit" or a name of TROUBLES; "" refuses none.
    trouble: str = ""
    #: Share of the calls that are refused so, by chance, and what these start with ("POST /v1/responses"); "" for all.
    trouble_share: float = 1.0
    trouble_with: str = ""

    #: Creating calls and their prompt tokens, a minute and model; polling is not counted.
    requests_per_minute: int = 5000
    tokens_per_minute: int = 2_000_000
    batches_per_hour: int = 2000
    #: Prompt tokens that all unfinished batches of a model may hold; 0 for what is published for the model.
    enqueued_tokens: int = 0
    file_bytes: int = 200 * 1024 * 1024
    batch_requests: int = 50_000

    #: A background response waits so long, then is worked on so long, give or take a share of that.
    queued_seconds: float = 2.0
    working_seconds: float = 8.0
    spread: float = 0.5
    #: How long the stages of a batch take. The 24 hours' window is as published.
    validating_seconds: float = 10.0
    batch_seconds: float = 60.0
    finalizing_seconds: float = 2.0
    cancelling_seconds: float = 10.0
    #: How long after the upload a batch cannot be created over a file.
    file_hidden_seconds: float = 0.0

    #: Of these at most one befalls a request: it fails at the provider, is refused by the model, is cut off by its token limit
    #: or by the content filter, is answered with text that is no JSON, or with none at all.
    failure_rate: float = 0.0
    refusal_rate: float = 0.0
    incomplete_rate: float = 0.0
    content_filter_rate: float = 0.0
    bad_json_rate: float = 0.0
    empty_rate: float = 0.0
    #: The model does what an attacker wants: a name of MODES, "" for not.
    hijack: str = ""
    #: What a failed response says in error.code, and what a request that fails is refused with where it is answered at once or in a
    #: batch: a name as in `trouble`.
    failure_code: str = "server_error"
    failure_trouble: str = "server_error"
    #: What a response that is cut off gives as the reason.
    incomplete_reason: str = "max_output_tokens"
    #: What responses and batches say in the place of "in_progress", for a word that is not in the documentation yet; "" for that.
    open_status: str = ""
    #: Share of image addresses that cannot be fetched.
    lost_image_rate: float = 0.0
    #: Background responses that stay in_progress for ever.
    hang_rate: float = 0.0
    #: Requests of a batch that are not done when its window ends, and lines of its results that come twice or not at all.
    expire_rate: float = 0.0
    doubled_rate: float = 0.0
    missing_rate: float = 0.0
    #: Write a batch_cancelled line for each request that a cancelled batch had not come to.
    cancelled_lines: bool = False

    #: Where events are posted, "" nowhere; and the secret they are signed with.
    webhook_url: str = ""
    webhook_secret: str = "whsec_c2FuZGJveC13ZWJob29rLXNlY3JldA=="  # noqa: S105 — invented, for tests
    webhook_delay: float = 0.0
    webhook_drop_rate: float = 0.0
    #: How many times each event is delivered.
    webhook_copies: int = 1

    def changed(self, changes: dict[str, Any]) -> Options:
        """Return the options with some changed; raise BadOption for a name or value that means nothing."""
        troubles = (RATE_LIMIT, *TROUBLES)
        for name, meant in (("hijack", ("", *MODES)), ("trouble", ("", *troubles)), ("failure_trouble", troubles)):
            if name in changes and changes[name] not in meant:
                raise BadOption(f"{name!r} takes one of {', '.join(filter(None, meant))}")
        return Options.changed(self, changes)
