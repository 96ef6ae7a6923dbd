"""Errors as RFC 9457 problem details: what went wrong, a stable code, where, and the remedy."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.views import defaults
from django.views.csrf import csrf_failure as csrf_page
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

PROBLEM_TYPE = "application/problem+json"
#: What the database driver raises when the server is away, restarting, or out of connections.
DATABASE_AWAY = (OperationalError, InterfaceError)
AWAY_SECONDS = 5

TITLES = {
    400: "The request cannot be read",
    401: "Not logged in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not in that form",
    409: "In conflict with what is there",
    412: "A precondition does not hold",
    413: "Too large",
    415: "Not in that media type",
    422: "The request cannot be carried out",
    429: "Too many requests",
    500: "Our fault",
    503: "Not available now",
}
REMEDIES = {
    "not_authenticated": "Send 'Authorization: Token …'; POST /api/login gives you one.",
    "authentication_failed": "The token is wrong, expired or revoked; POST /api/login gives you a new one.",
    "permission_denied": "Ask a member of staff for the permission.",
    "not_found": "Check the address; what belongs to someone else is not shown.",
    "method_not_allowed": "The Allow header names the methods of this address.",
    "not_acceptable": "Ask for application/json.",
    "unsupported_media_type": "Send application/json, or multipart/form-data for uploads.",
    "throttled": "Wait for as long as Retry-After says.",
    "parse_error": "Send a body that is valid for its Content-Type.",
    "invalid": "Correct the fields named in errors.",
    "database_away": "Try again after Retry-After; nothing was changed.",
    "csrf_failed": "Send the X-CSRFToken header with a session, or use a token.",
    "server_error": "Try again; if it happens again, report it with the request_id.",
}


class Problem(exceptions.APIException):
    """Say what is wrong with a request: `code` is stable, `remedy` tells what to do, `where` names line, column, row."""

    def __init__(
        self, status_code: int, code: str, detail: str, *, remedy: str = "", retry_after: float | None = None, **where: Any
    ) -> None:
        super().__init__(detail, code)
        self.status_code = status_code
        self.code = code
        self.remedy = remedy
        self.wait = retry_after
        self.where = {name: value for name, value in where.items() if value is not None}


def document(status_code: int, code: str, detail: str, *, remedy: str = "", instance: str = "", **where: Any) -> dict[str, Any]:
    """Return the body of a problem."""
    return {
        "type": f"urn:bookops:problem:{code}",
        "title": TITLES.get(status_code, "Error"),
        "status": status_code,
        "code": code,
        "detail": detail,
        "remedy": remedy or REMEDIES.get(code, ""),
        "instance": instance,
        **where,
    }


def problem_details(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of a view with a problem; None for one that nobody foresaw, which is our fault."""
    request = context.get("request")
    problem = as_problem(error)
    if problem is None:
        return None
    set_rollback()
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if problem.wait is not None:
        headers["Retry-After"] = str(max(1, math.ceil(problem.wait)))
    body = document(
        problem.status_code,
        problem.code,
        str(problem.detail),
        remedy=problem.remedy,
        instance=request.path if request else "",
        **problem.where,
    )
    return Response(body, status=problem.status_code, headers=headers, content_type=PROBLEM_TYPE)


def as_problem(error: Exception) -> Problem | None:
    """Return the problem that stands for an exception of Django or REST framework, None if there is none."""
    match error:
        case Problem():
            return error
        case Http404():
            return Problem(404, "not_found", "There is nothing at this address that you may see.")
        case PermissionDenied():
            return Problem(403, "permission_denied", "You may not do this.")
        case RequestDataTooBig():
            return Problem(413, "body_too_large", "The request body is too large.", remedy="Send less, or a file as multipart/form-data.")
        case MultiPartParserError() | SuspiciousOperation():
            return Problem(400, "parse_error", "The request cannot be read.")
        case OperationalError() | InterfaceError():
            return Problem(503, "database_away", "The database does not answer.", retry_after=AWAY_SECONDS)
        case exceptions.ValidationError():
            return Problem(400, "invalid", "Some fields are not valid.", errors=list(field_errors(error.get_full_details())))
        case exceptions.APIException():
            codes = error.get_codes()
            code = codes if isinstance(codes, str) else error.default_code
            return Problem(error.status_code, code, str(error.detail), retry_after=getattr(error, "wait", None))
    return None


def field_errors(details: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yield {"field", "code", "detail"} for each error in REST framework's nested details."""
    if isinstance(details, list):
        for number, item in enumerate(details):
            leaf = isinstance(item, dict) and set(item) == {"message", "code"}
            yield from field_errors(item, path if leaf else f"{path}[{number}]")
    elif isinstance(details, dict) and set(details) == {"message", "code"}:
        yield {"field": path.removesuffix(".non_field_errors") or "non_field_errors", "code": details["code"], "detail": details["message"]}
    elif isinstance(details, dict):
        for name, item in details.items():
            yield from field_errors(item, f"{path}.{name}" if path else name)


def problem_response(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return a problem as a plain Django response, for what goes wrong outside of the API's views."""
    body = document(problem.status_code, problem.code, str(problem.detail), remedy=problem.remedy, instance=request.path, **problem.where)
    response = JsonResponse(body, status=problem.status_code, content_type=PROBLEM_TYPE)
    if problem.wait is not None:
        response["Retry-After"] = str(max(1, math.ceil(problem.wait)))
    return response


def wants_problem(request: HttpRequest) -> bool:
    """Say whether the caller is a program: pages of the admin keep Django's own error pages."""
    return not request.path.startswith("/admin/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refused to read."""
    if wants_problem(request):
        return problem_response(request, as_problem(exception) or Problem(400, "parse_error", "The request cannot be read."))
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what is not allowed."""
    if wants_problem(request):
        return problem_response(request, Problem(403, "permission_denied", "You may not do this."))
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for an address that does not exist."""
    if wants_problem(request):
        return problem_response(request, Problem(404, "not_found", "There is nothing at this address."))
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for an error nobody caught; one of the database is said to be that, wherever in the middleware it came up."""
    error = sys.exc_info()[1]
    if isinstance(error, DATABASE_AWAY):
        return problem_response(request, Problem(503, "database_away", "The database does not answer.", retry_after=AWAY_SECONDS))
    if wants_problem(request):
        return problem_response(request, Problem(500, "server_error", "Something went wrong on our side."))
    return defaults.server_error(request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without its CSRF token."""
    if wants_problem(request):
        return problem_response(request, Problem(status.HTTP_403_FORBIDDEN, "csrf_failed", "The CSRF token is missing or wrong."))
    return csrf_page(request, reason)
