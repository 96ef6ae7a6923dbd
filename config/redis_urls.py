"""One REDIS_URL in the forms that redis-py, Celery and Channels each want."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


def client_url(url: str, database: int) -> str:
    """Return the address for redis-py, pointing at another database number."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        query = dict(parse_qsl(parts.query)) | {"db": str(database)}
        return f"unix://{parts.path}?{urlencode(query)}"  # urlunsplit drops the empty host's slashes
    return urlunsplit(parts._replace(path=f"/{database}"))


def celery_url(url: str, database: int) -> str:
    """Return the address for Celery, which spells a unix socket redis+socket:// with a virtual_host."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.path}?virtual_host={database}"
    return client_url(url, database)


def channels_host(url: str, database: int, ca: str = "") -> Any:
    """Return one entry of the channel layer's hosts."""
    host: dict[str, Any] = {"address": client_url(url, database)}
    if url.startswith("rediss://") and ca:
        host["ssl_ca_certs"] = ca
    return host
