"""The errors of Anthropic's API: which type goes with which status, and what it says (https://platform.claude.com/docs/en/api/errors)."""

from __future__ import annotations

from typing import Any

from sandbox.party import encoded

STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
#: What a caller may ask again after; a rate limit only where it says when.
WORTH_ANOTHER_TRY = frozenset({"api_error", "timeout_error", "overloaded_error"})


class Refusal(Exception):
    """Anthropic does not do what was asked."""

    def __init__(self, kind: str, message: str, *, status: int = 0, details: dict[str, Any] | None = None, retry_after: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        #: The HTTP status: its kind's, unless another is given.
        self.status = status or STATUSES[kind]
        self.message = message
        self.details = details
        #: Seconds, as the header says them; "" sends none.
        self.retry_after = retry_after

    def body(self, request_id: str) -> dict[str, Any]:
        """Return the error as it is answered, and as it stands in the results of a batch."""
        error: dict[str, Any] = {"type": self.kind, "message": self.message}
        if self.details:
            error["details"] = self.details
        return {"type": "error", "error": error, "request_id": request_id}

    def encoded(self, request_id: str) -> bytes:
        """Return the body of the answer."""
        return encoded(self.body(request_id))


def invalid(message: str, *, details: dict[str, Any] | None = None) -> Refusal:
    """Return the refusal of a request that is not as it must be."""
    return Refusal("invalid_request_error", message, details=details)


#: Errors one can have on demand, by the name that the option `failing` and a prompt's "sandbox:NAME" take.
ON_DEMAND = {
    "invalid_request_error": ("invalid_request_error", "requests: Input should be a valid list"),
    # A limit that the owner set is a 400; a tier's spend cap is a 429 that does not say when to come back.
    "spend_limit": (
        "invalid_request_error",
        "You have reached your specified API usage limits. You will regain access on the 1st at 00:00 UTC.",
    ),
    "authentication_error": ("authentication_error", "invalid x-api-key"),
    "billing_error": ("billing_error", "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."),
    "permission_error": ("permission_error", "Your API key does not have permission to use the specified resource."),
    "not_found_error": ("not_found_error", "Not Found"),
    "conflict_error": ("conflict_error", "The request conflicts with the current state of the resource."),
    "request_too_large": ("request_too_large", "Request exceeds the maximum allowed number of bytes."),
    "rate_limit_error": ("rate_limit_error", "This request would exceed the rate limit for your organization of 50 requests per minute."),
    "spend_cap": ("rate_limit_error", "You have reached the monthly spend limit of your usage tier."),
    "api_error": ("api_error", "Internal server error"),
    "bad_gateway": ("api_error", "Bad gateway"),
    "unavailable": ("api_error", "Service unavailable"),
    "timeout_error": ("timeout_error", "The request timed out."),
    "overloaded_error": ("overloaded_error", "Overloaded"),
}
#: What stands before the API says in its place.
_OF_THE_GATEWAY = {"bad_gateway": 502, "unavailable": 503}


def on_demand(name: str, retry_after: str) -> Refusal:
    """Return the error of that name; only a true rate limit says when to come back."""
    kind, message = ON_DEMAND[name]
    return Refusal(kind, message, status=_OF_THE_GATEWAY.get(name, 0), retry_after=retry_after if name == "rate_limit_error" else "")
