"""Files out of storage, handed to staff."""

from __future__ import annotations

from django.core.files.storage import default_storage
from django.http import Http404, StreamingHttpResponse
from django.utils.http import content_disposition_header

from enrichment.api.data import pieces


def stored_file(key: str, name: str, content_type: str) -> StreamingHttpResponse:
    """Return a stored file for saving, piece by piece; raises Http404 where there is none."""
    try:
        file = default_storage.open(key, "rb") if key else None
    except FileNotFoundError:
        file = None
    if file is None:
        raise Http404
    disposition = content_disposition_header(True, name) or "attachment"
    return StreamingHttpResponse(pieces(file), content_type=content_type, headers={"Content-Disposition": disposition})
