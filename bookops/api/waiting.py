"""Views that answer at once that work has begun, or with ?wait=SECONDS with what it came to."""

from __future__ import annotations

import functools
import math
import threading
import uuid
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.watch import Kind, wait_for_end

#: So many requests are waited for at once in one process; the rest get their 202 at once.
MOST_WAITERS = 200
_waiting = threading.BoundedSemaphore(MOST_WAITERS)


def wait_parameter(longest: float) -> OpenApiParameter:
    """Return the description of ?wait= for the schema."""
    return OpenApiParameter("wait", float, description=f"Seconds to wait for the end, {longest:.0f} at most.")


class WaitingView(APIView):
    """Wait for the run that a 202 tells of, holding no thread. Subclasses name its kind and say what it came to."""

    kind: ClassVar[Kind]
    #: Where the 202 names the run.
    id_field: ClassVar[str]
    longest_wait: ClassVar[float] = 60.0

    @classmethod
    def finished(cls, run_id: uuid.UUID) -> tuple[int, dict[str, Any]] | None:
        """Return status and body for a run that has ended, None to leave it at what was answered first."""
        raise NotImplementedError

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return an async view."""
        answer = super().as_view(**initkwargs)

        @functools.wraps(answer)
        async def view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            response = await sync_to_async(answer)(request, *args, **kwargs)
            if response.status_code == 202 and (seconds := cls._seconds(request)):
                await cls._finish_within(response, seconds)
            return response

        return view

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a wait that is no number of seconds before anything is begun."""
        super().initial(request, *args, **kwargs)
        self._seconds(request._request)

    @classmethod
    def _seconds(cls, request: HttpRequest) -> float:
        """Return how long the caller wants to wait. Raises ValidationError for what is no number of seconds."""
        text = request.GET.get("wait", "0")
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds < math.inf:
            raise ValidationError({"wait": f"“{text[:20]}” is no number of seconds, such as {cls.longest_wait:.0f}."})
        return min(seconds, cls.longest_wait)

    @classmethod
    async def _finish_within(cls, response: Response, seconds: float) -> None:
        """Turn a 202 into the 200 with the result if the run ends in time."""
        if not _waiting.acquire(blocking=False):
            return
        try:
            run_id = uuid.UUID(str(response.data[cls.id_field]))
            if await wait_for_end(cls.kind, run_id, seconds) and (result := await sync_to_async(cls.finished)(run_id)):
                response.status_code, response.data = result
                del response["Retry-After"]
        except OperationalError:
            pass  # it was taken in all the same; the 202 says where to ask
        finally:
            _waiting.release()
