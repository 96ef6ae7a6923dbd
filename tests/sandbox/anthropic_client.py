"""The real SDK, pointed at the sandbox, for the tests of the sandbox's Anthropic."""

from __future__ import annotations

import base64
import io
from typing import Any

import anthropic
from PIL import Image

from sandbox.running import RunningSandbox

MODEL = "claude-sonnet-5-5"
HELLO = [{"role": "user", "content": "Hello"}]
DUNE = "Title: Dune\nAuthor: Frank Herbert"
FLAG = {
    "type": "object",
    "properties": {
        "flagged": {"type": "boolean"},
        "flagged_reason": {"type": "string"},
        "confidence": {"type": "number"},
        "notes": {"type": "string"},
    },
    "required": ["flagged", "flagged_reason", "confidence", "notes"],
    "additionalProperties": False,
}


def client(sandbox: RunningSandbox, key: str = "a-key", **options: Any) -> anthropic.Anthropic:
    """Return a client that never asks twice."""
    return anthropic.Anthropic(api_key=key, base_url=f"{sandbox.url}/anthropic", max_retries=0, **options)


def asked(text: str = DUNE, *, schema: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return the parameters of a request, held to a schema where one is given."""
    held = {"output_config": {"format": {"type": "json_schema", "schema": schema}}} if schema else {}
    return {"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": text}], **held, **changes}


def image(width: int = 60, height: int = 40, kind: str = "JPEG") -> bytes:
    """Return a picture of nothing."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), "#887766").save(file, kind)
    return file.getvalue()


def image_block(content: bytes, media_type: str = "image/jpeg", **more: Any) -> dict[str, Any]:
    """Return the block that holds an image."""
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": base64.b64encode(content).decode()}, **more}
