"""Cross-origin access for the origins that the operator names in CORS_ORIGINS, and no others."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from bookops.responses import HeaderMiddleware

METHODS = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID"
RESPONSE_HEADERS = "ETag, Retry-After, Location, Idempotency-Replayed, X-Request-ID"
PREFLIGHT_SECONDS = 600


class CorsMiddleware(HeaderMiddleware):
    """Let browsers of allowed origins call the API with a token; cookies are never allowed across origins."""

    def answer_early(self, request: HttpRequest) -> HttpResponseBase | None:
        """Answer a preflight, which carries no credentials and would be refused by every view."""
        preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if not preflight or not _is_api(request) or not _is_allowed(request):
            return None
        return HttpResponse(
            status=204,
            headers={
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": REQUEST_HEADERS,
                "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            },
        )

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Name the origin, never "*", and tell caches that the answer depends on it."""
        if not _is_api(request) or not settings.CORS_ORIGINS:
            return response
        patch_vary_headers(response, ["Origin"])
        if _is_allowed(request):
            response["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response["Access-Control-Expose-Headers"] = RESPONSE_HEADERS
        return response


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _is_allowed(request: HttpRequest) -> bool:
    return request.headers.get("Origin", "") in settings.CORS_ORIGINS
