"""Files out of storage, handed to staff."""

from __future__ import annotations

from django.core.files.storage import default_storage
from django.http import Http404, HttpResponse
from django.utils.http import content_disposition_header


def stored_file(key: str, content_type: str, *, save_as: str = "") -> HttpResponse:
    """Return a stored file, for saving if it is given a name; raises Http404 where there is none. It is read whole: these are small."""
    try:
        with default_storage.open(key, "rb") as file:
            content = file.read()
    except (FileNotFoundError, ValueError):
        raise Http404 from None
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}
    if save_as:
        headers["Content-Disposition"] = content_disposition_header(True, save_as) or "attachment"
    return HttpResponse(content, content_type=content_type, headers=headers)
