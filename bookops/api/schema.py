"""The OpenAPI document: what every operation has in common is added here, so that views name only what is theirs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from bookops.api.problems import PROBLEM_TYPE, TITLES, document

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    OpenApiParameter.HEADER,
    description="1 to 255 visible ASCII characters of your choice. Within 24 hours the same request with the same key gets the first "
    "answer (with Idempotency-Replayed: true) and does nothing again; another request with it gets 422.",
)

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "An RFC 9457 problem. `code` is stable; `remedy` says what to do.",
    "required": ["type", "title", "status", "code", "detail", "remedy", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "remedy": {"type": "string"},
        "instance": {"type": "string"},
        "file": {"type": "string"},
        "row": {"type": "integer"},
        "line": {"type": "integer"},
        "column": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
#: Status -> code and detail of the example.
EXAMPLES = {
    400: ("invalid", "Some fields are not valid."),
    401: ("not_authenticated", "Authentication credentials were not provided."),
    403: ("permission_denied", "You may not do this."),
    404: ("not_found", "There is nothing at this address that you may see."),
    405: ("method_not_allowed", "Method not allowed."),
    406: ("not_acceptable", "Could not satisfy the request Accept header."),
    409: ("conflict", "That cannot be done in its present state."),
    413: ("file_too_large", "File too large. Maximum size: 50MB."),
    415: ("unsupported_media_type", "Unsupported media type in request."),
    422: ("header_unknown", "Line 1: no known export has these columns."),
    429: ("throttled", "Request was throttled."),
    503: ("database_away", "The database does not answer."),
}
OPERATIONS = ("get", "post", "patch", "put", "delete")


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Give every operation its problem responses: a hook of drf-spectacular."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["responses"] = {f"Problem{status}": _response(status) for status in EXAMPLES}
    for operations in result["paths"].values():
        for method in OPERATIONS:
            if method in operations:
                _describe(operations[method], changes=method != "get")
    return result


def _describe(operation: dict[str, Any], *, changes: bool) -> None:
    statuses = {400, 401, 403, 404, 406, 429, 503}
    if changes:
        statuses.add(409)
    if "requestBody" in operation:
        statuses |= {413, 415, 422}
    for status in statuses:
        operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})


def _response(status: int) -> dict[str, Any]:
    code, detail = EXAMPLES[status]
    response: dict[str, Any] = {
        "description": TITLES[status],
        "content": {
            PROBLEM_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": document(status, code, detail, instance="/api/…"),
            }
        },
    }
    if status in (429, 503):
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return response
