"""Files: uploaded in a form, listed, read and deleted (https://platform.openai.com/docs/api-reference/files)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any

from sandbox.openai_errors import Refused, missing, wrong_value
from sandbox.openai_options import OpenAIOptions
from sandbox.party import Request

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
SECONDS_A_BATCH_FILE_IS_KEPT = 30 * 86400
#: Larger files are on disk, so that the sandbox's memory does not grow with a batch.
IN_MEMORY = 1 << 20
PIECE = 256 << 10

Form = dict[str, tuple[str, bytes]]


@dataclass(slots=True, eq=False)
class File:
    """Hold a file; its content is read by whoever needs it, deleted or not."""

    filename: str
    purpose: str
    created_at: float
    expires_at: float | None
    size: int = 0
    id: str = field(default_factory=lambda: f"file-{secrets.token_urlsafe(16)[:22]}")
    content: SpooledTemporaryFile[bytes] = field(default_factory=lambda: SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 — lives as the file does

    def write(self, parts: Iterable[bytes]) -> None:
        """Add to its end; not after somebody read."""
        self.size += sum(map(self.content.write, parts))

    def pieces(self) -> Iterator[bytes]:
        """Yield all of it, whoever else reads meanwhile."""
        for at in range(0, self.size, PIECE):
            self.content.seek(at)
            yield self.content.read(PIECE)

    def as_dict(self) -> dict[str, Any]:
        """Return the file object."""
        return {
            "object": "file",
            "id": self.id,
            "purpose": self.purpose,
            "filename": self.filename,
            "bytes": self.size,
            "created_at": int(self.created_at),
            "expires_at": int(self.expires_at) if self.expires_at is not None else None,
            "status": "processed",
            "status_details": None,
        }


class Files:
    """Keep files until they expire or are deleted."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}

    def upload(self, request: Request, now: float, options: OpenAIOptions) -> File:
        """Keep the file of a form; raise Refused for one that its purpose cannot have."""
        form = _form(request)
        if "file" not in form:
            raise missing("file")
        if "purpose" not in form:
            raise missing("purpose")
        purpose = form["purpose"][1].decode("utf-8", "replace")
        if purpose not in PURPOSES:
            raise wrong_value("purpose", purpose, PURPOSES)
        filename, content = form["file"]
        if not content:
            raise Refused("The file is empty.", param="file", code="empty_file")
        if purpose == "batch":
            if not filename.endswith(".jsonl"):
                raise Refused("Invalid file format for Batch API. Must be .jsonl", param="file")
            if len(content) > options.file_bytes:
                message = f"File is too large. The maximum size for purpose 'batch' is {options.file_bytes} bytes."
                raise Refused(message, status=413, param="file", code="file_too_large")
        seconds = _seconds_to_keep(form, purpose)
        file = File(filename, purpose, now, None if seconds is None else now + seconds)
        file.write(content[at : at + PIECE] for at in range(0, len(content), PIECE))
        return self.add(file)

    def add(self, file: File) -> File:
        """Let a file be found from now on."""
        self._files[file.id] = file
        return file

    def find(self, file_id: str, now: float) -> File | None:
        """Return a file, None when there is none, or no longer."""
        file = self._files.get(file_id)
        if file and file.expires_at is not None and now >= file.expires_at:
            del self._files[file_id]
            return None
        return file

    def retrieve(self, file_id: str, now: float) -> File:
        """Return a file; raise Refused when there is none, or no longer."""
        file = self.find(file_id, now)
        if file is None:
            raise Refused(f"No such File object: {file_id}", status=404, param="id")
        return file

    def delete(self, file_id: str, now: float) -> dict[str, Any]:
        """Forget a file; a batch that reads it goes on."""
        del self._files[self.retrieve(file_id, now).id]
        return {"object": "file", "id": file_id, "deleted": True}

    def listed(self, request: Request, now: float) -> dict[str, Any]:
        """Return a page of files, the newest first unless asked otherwise."""
        purpose = request.parameter("purpose")
        found = [file for file_id in list(self._files) if (file := self.find(file_id, now)) and purpose in ("", file.purpose)]
        if request.parameter("order", "desc") != "asc":
            found.reverse()
        return page([file.as_dict() for file in found], request, most=10_000, default=10_000)


def page(objects: list[dict[str, Any]], request: Request, *, most: int, default: int) -> dict[str, Any]:
    """Return the objects behind the one that `after` names, as many as `limit` says."""
    limit = request.number("limit", default)
    if not 1 <= limit <= most:
        raise Refused(
            f"Invalid 'limit': expected a value between 1 and {most}, but got {limit} instead.", param="limit", code="invalid_value"
        )
    after = request.parameter("after")
    place = next((number + 1 for number, one in enumerate(objects) if one["id"] == after), None) if after else 0
    if place is None:
        raise Refused(f"Invalid 'after': no object with id '{after}'.", param="after", code="invalid_value")
    shown = objects[place : place + limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": place + limit < len(objects),
    }


def _seconds_to_keep(form: Form, purpose: str) -> int | None:
    if "expires_after[seconds]" not in form:
        return SECONDS_A_BATCH_FILE_IS_KEPT if purpose == "batch" else None
    anchor, seconds = (form.get(f"expires_after[{name}]", ("", b""))[1].decode("utf-8", "replace") for name in ("anchor", "seconds"))
    return check_expiry("expires_after", {"anchor": anchor, "seconds": int(seconds) if seconds.isdigit() else -1})


def check_expiry(name: str, asked: Any) -> int:
    """Return how many seconds after its creation a file expires; raise Refused for less than an hour or more than 30 days."""
    if not isinstance(asked, dict) or asked.get("anchor") != "created_at":
        raise wrong_value(f"{name}.anchor", asked.get("anchor") if isinstance(asked, dict) else asked, ("created_at",))
    seconds = asked.get("seconds")
    if not isinstance(seconds, int) or not 3600 <= seconds <= 2592000:
        message = f"Invalid '{name}.seconds': expected a value between 3600 and 2592000, but got {seconds} instead."
        raise Refused(message, param=f"{name}.seconds", code="invalid_value")
    return seconds


def _form(request: Request) -> Form:
    """Return the fields of a multipart form with their file names; raise Refused when it is none, or not all of one."""
    found = re.search(r'^multipart/form-data;.*boundary="?([^";]+)"?', request.header(b"content-type"), re.IGNORECASE)
    if not found:
        raise Refused("Could not parse multipart form: the request is not multipart/form-data.")
    boundary = b"\r\n--" + found[1].encode("latin-1")
    form: Form = {}
    if not request.body.startswith(boundary[2:]):
        raise Refused("Could not parse multipart form: it does not begin with its boundary.")
    at = len(boundary) - 2
    while request.body[at : at + 2] != b"--":
        end_of_head = request.body.find(b"\r\n\r\n", at)
        end = request.body.find(boundary, end_of_head)
        if end_of_head < 0 or end < 0:
            raise Refused("Could not parse multipart form: it ends before its last boundary.")
        head = request.body[at:end_of_head].decode("utf-8", "replace")
        if name := re.search(r'[; ]name="([^"]*)"', head):
            filename = re.search(r'filename="([^"]*)"', head)
            form[name[1]] = (filename[1] if filename else "", request.body[end_of_head + 4 : end])
        at = end + len(boundary)
    return form
