"""Claude: looks at a listing's photos and words, and says what it sees, where, and what is missing.

Documentation: https://platform.claude.com/docs/en/build-with-claude/vision,
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bookops.outbound.errors import BadAnswer, NotFound, Refused
from bookops.outbound.sdk import FLOW
from bookops.outbound.sdk_errors import PROMPT_TOO_LONG, anthropic_errors
from bookops.outbound.sdk_usage import Usage, anthropic_usage
from runbooks.images.reducing import HIGH_RESOLUTION, tokens_of
from runbooks.sources.claude_answer import Answer, reading_of
from runbooks.sources.claude_reading import PhotoReading
from runbooks.sources.claude_text import fenced
from runbooks.sources.records import ListingFacts

if TYPE_CHECKING:
    from anthropic import Anthropic

NAME = "anthropic"

#: Goes up whenever claude_prompt.md or the form of the answer changes, and is kept with each reading.
PROMPT_VERSION = "1"
PROMPT = files("runbooks.sources").joinpath("claude_prompt.md").read_text()

#: With more in one request, none may be larger than 2000 pixels.
MOST_PHOTOS = 20
MEDIA_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
#: Of one photo and of a whole request, in base64.
MOST_PHOTO_BYTES = 10 << 20
MOST_REQUEST_BYTES = 32 << 20
MOST_OUTPUT_TOKENS = 4_000
#: What a request costs beside its texts and photos: roles, the form's own instructions.
_FIXED_TOKENS = 1_000


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """Hold a photo as it is shown: reduced, re-encoded, under the id it is stored by."""

    id: str
    content: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PhotoQuestion:
    """Ask about one listing; by its photos, its words or both.

    Raises ValueError for neither, for more than MOST_PHOTOS, two of one id, or one of a type that is not shown.
    """

    listing: ListingFacts
    model: str
    photos: tuple[ShownPhoto, ...] = ()
    #: False where the seller's words are not to be given to a model.
    with_text: bool = True
    max_tokens: int = MOST_OUTPUT_TOKENS
    #: Whoever the pace is shared with fairly.
    flow: str = ""

    def __post_init__(self) -> None:
        if not self.photos and not self.with_text:
            raise ValueError("neither photos nor words to look at")
        if len(self.photos) > MOST_PHOTOS:
            raise ValueError(f"{len(self.photos)} photos, at most {MOST_PHOTOS}")
        if len({photo.id for photo in self.photos}) < len(self.photos):
            raise ValueError("two photos of one id")
        if odd := {photo.media_type for photo in self.photos} - MEDIA_TYPES:
            raise ValueError(f"photos of {', '.join(sorted(odd))} cannot be shown")

    @property
    def image_ids(self) -> tuple[str, ...]:
        return tuple(photo.id for photo in self.photos)


@dataclass(frozen=True, slots=True)
class Said:
    """Hold what came back, before anybody has judged it; it is paid for, whatever it says."""

    text: str
    #: As Anthropic names it: "end_turn", "max_tokens", "refusal" and more.
    stop_reason: str
    usage: Usage
    model: str
    request_id: str = ""
    #: Why it refused, "" where it did not or does not say.
    refusal: str = ""


class Claude:
    """Ask Claude through the anthropic SDK on a door; raises one of the four errors, and nothing else.

    Reasons of its own: model_refused, truncated, bad_json, unexpected_shape, prompt_too_long, unknown_model.
    """

    name = NAME

    def __init__(self, client: Anthropic) -> None:
        self._client = client

    def read_photos(
        self, question: PhotoQuestion, *, seconds: float | None = None, on_said: Callable[[Said], None] | None = None
    ) -> PhotoReading:
        """Return what Claude sees; one call, within `seconds`, or the door's own deadline.

        `on_said` gets the answer before it is judged, also one that then raises: its usage is to be settled, its text is evidence.
        """
        said = self.ask(question, seconds=seconds)
        if on_said:
            on_said(said)
        return reading_in(said, question)

    def ask(self, question: PhotoQuestion, *, seconds: float | None = None) -> Said:
        """Return Claude's answer as it came."""
        request = message_params(question)
        try:
            with anthropic_errors():
                message = self._client.messages.create(**request, **_options(question, seconds))
        except NotFound as error:
            raise Refused(error.detail, reason="unknown_model", source=NAME) from None
        return _said(message)


def most_tokens(question: PhotoQuestion) -> Usage:
    """Return what a question costs at most, without a call: a byte of text is never more than one token."""
    texts = [PROMPT, json.dumps(_form()), *_texts(question)]
    photos = sum(tokens_of(photo.width, photo.height, HIGH_RESOLUTION) for photo in question.photos)
    return Usage(_FIXED_TOKENS + sum(len(text.encode()) for text in texts) + photos, question.max_tokens)


def message_params(question: PhotoQuestion) -> dict[str, Any]:
    """Return the request, as `messages.create` and a line of a batch take it; raises Refused for one that is too large to send."""
    *captions, words = _texts(question)
    content: list[dict[str, Any]] = []
    size = 0
    for caption, photo in zip(captions, question.photos, strict=True):
        data = base64.b64encode(photo.content).decode()
        size += len(data)
        if len(data) > MOST_PHOTO_BYTES or size > MOST_REQUEST_BYTES - 1_000_000:
            raise Refused(f"{len(data):,} bytes of photo {photo.id}, {size:,} so far", reason=PROMPT_TOO_LONG, source=NAME)
        source = {"type": "base64", "media_type": photo.media_type, "data": data}
        content += [{"type": "text", "text": caption}, {"type": "image", "source": source}]
    content.append({"type": "text", "text": words})
    return {
        "model": question.model,
        "max_tokens": question.max_tokens,
        "system": PROMPT,
        "messages": [{"role": "user", "content": content}],
        "output_config": {"format": {"type": "json_schema", "schema": _form()}},
    }


def reading_in(said: Said, question: PhotoQuestion) -> PhotoReading:
    """Return the reading in an answer, also in one that was kept; raises Refused or BadAnswer where there is none."""
    if said.stop_reason == "refusal":
        raise Refused(f"the model declined: {said.refusal or 'no reason given'}", reason="model_refused", source=NAME)
    if said.stop_reason == "model_context_window_exceeded":
        raise Refused("the answer would not fit the model's context", reason=PROMPT_TOO_LONG, source=NAME)
    if said.stop_reason == "max_tokens":
        raise BadAnswer(f"cut off after {said.usage.output_tokens} tokens", reason="truncated", source=NAME)
    if said.stop_reason not in ("end_turn", "stop_sequence"):
        raise BadAnswer(f"stopped by {said.stop_reason[:40] or 'nothing'}", reason="unexpected_shape", source=NAME)
    try:
        reading = reading_of(said.text, question.image_ids, has_text=question.with_text)
    except BadAnswer as error:
        error.source = NAME
        raise
    return replace(reading, model=said.model, prompt_version=PROMPT_VERSION, usage=said.usage)


def _texts(question: PhotoQuestion) -> list[str]:
    """Return the caption of each photo, and the words that follow them all."""
    captions = [f"Photo {number}" for number in range(1, len(question.photos) + 1)]
    shown = f"These were photos 1 to {len(captions)}." if captions else "There are no photos: go by the words alone, and cite no photo."
    said = (
        f"What the seller says:\n{fenced(question.listing)}"
        if question.with_text
        else "The seller's words are withheld: go by the photos alone."
    )
    return [*captions, f"{shown}\n\n{said}\n\nReport on this copy."]


def _options(question: PhotoQuestion, seconds: float | None) -> dict[str, Any]:
    options: dict[str, Any] = {"extra_headers": {FLOW: question.flow}} if question.flow else {}
    return options if seconds is None else {**options, "timeout": seconds}


@cache
def _form() -> dict[str, Any]:
    """Return the form of an answer as the API takes it; bounds that it does not take are in the descriptions."""
    from anthropic import transform_schema  # a second's work, which only those who ask should pay

    return _without_titles(transform_schema(Answer))


def _without_titles(schema: Any) -> Any:
    """Return a schema without the names that pydantic gives each part: a quarter of its tokens, paid with each call."""
    if isinstance(schema, dict):
        return {name: _without_titles(part) for name, part in schema.items() if not (name == "title" and isinstance(part, str))}
    return schema


def _said(message: Any) -> Said:
    """Return what matters of the SDK's message, which it has not checked."""
    blocks = getattr(message, "content", None)
    if not isinstance(blocks, list):
        raise BadAnswer("no message", reason="unexpected_shape", source=NAME)
    texts = [getattr(block, "text", None) for block in blocks if getattr(block, "type", "") == "text"]
    details = getattr(message, "stop_details", None)
    return Said(
        text="".join(text for text in texts if isinstance(text, str)),
        stop_reason=str(getattr(message, "stop_reason", None) or ""),
        usage=anthropic_usage(getattr(message, "usage", None)),
        model=str(getattr(message, "model", "")),
        request_id=str(getattr(message, "_request_id", None) or ""),
        refusal=str(getattr(details, "category", None) or ""),
    )
