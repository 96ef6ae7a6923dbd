"""What every response of the site carries, and what is said when a part of it is away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

from bookops.api.problems import DATABASE_AWAY, as_problem, problem_response

#: Answers of the API are never pages.
API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
#: Swagger sets styles on elements; its scripts all come from our own address.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
#: unfold's Alpine evaluates the expressions of its attributes, which needs 'unsafe-eval'.
ADMIN_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:{covers}; "
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)


class HeaderMiddleware:
    """Change responses on their way out, sync or async without a thread in between; subclasses say how in `finish`."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if iscoroutinefunction(self.get_response):
            return self._call_async(request)
        return self.finish(request, self.answer_early(request) or self.get_response(request))

    async def _call_async(self, request: HttpRequest) -> HttpResponseBase:
        return self.finish(request, self.answer_early(request) or await self.get_response(request))

    def answer_early(self, request: HttpRequest) -> HttpResponseBase | None:
        """Return a response that needs no view, None to go on."""
        return None

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Return the response with what this middleware adds."""
        return response


class ContentSecurityMiddleware(HeaderMiddleware):
    """Tell browsers what a page may load."""

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Set the policy of this part of the site, unless the view has set its own."""
        if "Content-Security-Policy" not in response:
            response["Content-Security-Policy"] = policy_for(request.path)
        return response


def policy_for(path: str) -> str:
    """Return the content security policy of an address."""
    if path.startswith("/admin/"):
        return ADMIN_POLICY.format(covers=" https:" if settings.SHOW_OUTSIDE_COVERS else "")
    return DOCS_POLICY if path.startswith("/api/docs") else API_POLICY


class UnavailableMiddleware(HeaderMiddleware):
    """Answer 503 with Retry-After while the database is away.

    This sees what views raise; what the middleware around it raises goes to `server_error` of bookops/api/problems.py.
    """

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for the database, leave everything else to Django."""
        problem = as_problem(error) if isinstance(error, DATABASE_AWAY) else None
        return problem_response(request, problem) if problem else None


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """Serve static files as WhiteNoise does, without holding a thread for every other request that waits or streams."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        file = self.find_file(request.path_info) if self.autorefresh else self.files.get(request.path_info)
        if file is None:
            return self.get_response(request)
        return self._serve_async(file, request) if iscoroutinefunction(self) else self.serve(file, request)

    async def _serve_async(self, file: Any, request: HttpRequest) -> HttpResponseBase:
        return self.serve(file, request)
