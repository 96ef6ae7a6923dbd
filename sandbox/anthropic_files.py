"""Anthropic's Files API, as far as images go by it: upload, show, delete (https://platform.claude.com/docs/en/build-with-claude/files)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from sandbox.anthropic_errors import Refusal, invalid
from sandbox.anthropic_messages import identifier

#: Bytes kept; beyond it the oldest files go.
MOST_KEPT = 256 << 20


@dataclass(frozen=True, slots=True)
class File:
    """Hold an uploaded file."""

    id: str
    name: str
    kind: str
    content: bytes
    created: float

    def as_dict(self) -> dict[str, Any]:
        """Return the file as the API shows it."""
        return {
            "id": self.id,
            "type": "file",
            "filename": self.name,
            "mime_type": self.kind,
            "size_bytes": len(self.content),
            "created_at": datetime.fromtimestamp(self.created, UTC).isoformat(),
            "downloadable": False,
            "expires_at": None,
        }


class Files:
    """Remember uploaded files, up to a limit."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, File] = OrderedDict()

    def upload(self, body: bytes, content_type: str, now: float) -> File:
        """Return the file of a multipart upload; raise a Refusal where there is none in it."""
        message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
        part = next((part for part in message.iter_parts() if part.get_filename()), None) if message.is_multipart() else None
        if part is None:
            raise invalid("file: Field required")
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes) or not content:
            raise invalid("file: File cannot be empty")
        file = File(identifier("file", now, len(self._by_id)), str(part.get_filename()), part.get_content_type(), content, now)
        self._by_id[file.id] = file
        while sum(len(kept.content) for kept in self._by_id.values()) > MOST_KEPT:
            self._by_id.popitem(last=False)
        return file

    def find(self, identifier: str) -> File:
        """Return a file; raise a 404 where there is none."""
        if identifier not in self._by_id:
            raise Refusal("not_found_error", f"File not found: {identifier}")
        return self._by_id[identifier]

    def content(self, identifier: str) -> bytes | None:
        """Return what is in a file, None where there is none."""
        file = self._by_id.get(identifier)
        return file.content if file else None

    def delete(self, identifier: str) -> None:
        """Forget a file."""
        del self._by_id[self.find(identifier).id]
