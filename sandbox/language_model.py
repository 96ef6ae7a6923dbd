"""The language model behind every provider of the sandbox: the same prompt has the same sensible answer, each time, without a model.

A known job is answered from what the prompt says (`sandbox.book_judgement`) and shows (`sandbox.photo_reading`); anything else is a schema
filled with values that obey it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.book_judgement import judged
from sandbox.photo_reading import looked_at
from sandbox.schema_filling import fill, name_words

#: Letters that make a token, about.
LETTERS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Image:
    """Hold an image of a prompt as it was sent, and the text right before it, by which the prompt may call it."""

    content: bytes
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Hold all that a model is told, whatever the provider's words for it."""

    model: str
    #: What the user said: all texts of the request, one a line.
    text: str
    system: str = ""
    images: tuple[Image, ...] = ()
    #: The JSON schema of the answer (or of a tool's input); None asks for text.
    schema: Mapping[str, Any] | None = None


def answer(prompt: Prompt) -> Any:
    """Return a value that obeys the prompt's schema, or a text where it has none; two models differ in a few answers of a hundred."""
    draft = judged(prompt.text, model=prompt.model, choices=_choices(prompt.schema))
    if prompt.images or _asks_for_condition(prompt.schema):
        draft |= looked_at([(image.content, image.caption) for image in prompt.images], prompt.text, model=prompt.model)
    if prompt.schema is None:
        return draft["analysis_narrative"] if prompt.images else draft["description"]
    return fill(prompt.schema, draft, about=f"{prompt.model}\n{prompt.text}")


def count_tokens(text: str) -> int:
    """Return how many tokens a text is, about."""
    return -(-len(text) // LETTERS_A_TOKEN)


def _asks_for_condition(schema: Mapping[str, Any] | None) -> bool:
    return any("condition" in name_words(name) for name in (schema or {}).get("properties", ()))


def _choices(schema: Any) -> tuple[str, ...]:
    """Return the strings that a schema lets one choose among, wherever they stand."""
    if isinstance(schema, Mapping):
        own = [value for value in schema.get("enum") or () if isinstance(value, str)]
        return (*own, *(choice for name, part in schema.items() if name != "enum" for choice in _choices(part)))
    return tuple(choice for part in schema for choice in _choices(part)) if isinstance(schema, list) else ()
