"""Cross-origin access for the origins that the operator names."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class CorsMiddleware:
    """Answer browsers of allowed origins."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        origin = request.headers.get("Origin", "")
        if origin and origin in settings.CORS_ORIGINS:
            response["Access-Control-Allow-Origin"] = origin
            response["Vary"] = "Origin"
        return response
