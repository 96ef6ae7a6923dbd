"""The vendors' own SDKs, anthropic and openai, made to speak through a door: its deadlines, caps, quota, breaker and records.

The SDKs retry nothing here and read no proxy; what a third party or the door refuses comes out of them as an exception that
`sdk_errors` turns back into one of the four errors.

    client = anthropic_client(door, key)
    try:
        message = client.messages.create(..., timeout=90, extra_headers={FLOW: "import 7"})
    except anthropic.AnthropicError as error:
        raise anthropic_error(error) from None
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import httpx2

from bookops.outbound.http import Door, Explain
from bookops.outbound.sdk_errors import explain_anthropic, explain_openai
from bookops.outbound.wire import Bounds, Incoming

if TYPE_CHECKING:
    from anthropic import Anthropic
    from openai import OpenAI

#: Name in `extra_headers` who shares the pace fairly, as the door's `flow`; it is not sent.
FLOW = "X-Bookops-Flow"

#: For what is streamed, either way: a batch's results, a file.
LARGE = Bounds(connect=3.0, read=30.0, total=600.0, max_bytes=1_000_000_000)

#: The door sets these itself.
_NOT_PASSED_ON = frozenset(
    {"host", "connection", "user-agent", "accept", "accept-encoding", "content-length", "transfer-encoding", FLOW.lower()}
)
#: Untrue of a body that the door has decompressed.
_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_STREAMED = "streamed"


def anthropic_client(door: Door, key: str, *, large: Bounds = LARGE) -> Anthropic:
    """Return the anthropic SDK on a door to it; `large` bounds what is streamed, the door's own bounds all else."""
    from anthropic import Anthropic  # a second's work, which only those who ask it should pay

    http_client = DoorClient(door, explain=explain_anthropic, large=large)
    return Anthropic(api_key=key, base_url=door.base_url, max_retries=0, http_client=http_client)


def openai_client(door: Door, key: str, *, large: Bounds = LARGE) -> OpenAI:
    """Return the openai SDK on a door to it; like `anthropic_client` otherwise."""
    from openai import OpenAI

    http_client = DoorClient(door, explain=explain_openai, large=large)
    return OpenAI(api_key=key, base_url=door.base_url, max_retries=0, http_client=http_client)


class DoorClient(httpx2.Client):
    """An httpx2 client whose every request goes through one door, and to no other host.

    A body that is not in memory, and an answer asked for as a stream, are bounded by `large`, all else by the door's own bounds. A
    request's `timeout` takes the place of their total, up to that of `large`. Redirects are not followed.
    """

    def __init__(self, door: Door, *, explain: Explain | None = None, large: Bounds = LARGE) -> None:
        # With a timeout of its own the client would hand each request one, and the door's bounds never count.
        super().__init__(transport=_DoorTransport(door, explain, large), timeout=None, trust_env=False)

    def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        request.extensions[_STREAMED] = stream  # a transport is not told otherwise
        return super().send(request, stream=stream, **options)


class _DoorTransport(httpx2.BaseTransport):
    def __init__(self, door: Door, explain: Explain | None, large: Bounds) -> None:
        self._door = door
        self._explain = explain
        self._large = large

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises one of the four errors for whatever is not a 2xx answer."""
        is_streamed = request.extensions.get(_STREAMED, False)
        body = _body(request)
        is_in_memory = body is None or isinstance(body, bytes)
        bounds = self._door.bounds if is_in_memory and not is_streamed else self._large
        seconds = request.extensions["timeout"]["read"]
        if seconds is not None:
            total = min(seconds, self._large.total)
            bounds = replace(bounds, total=total, read=bounds.read if is_streamed else total)  # a model is silent until it has done
        headers = {name: value for name, value in request.headers.items() if name not in _NOT_PASSED_ON}
        if not is_in_memory and "content-length" in request.headers:
            headers["Content-Length"] = request.headers["content-length"]
        headers["Accept"] = request.headers.get("accept", "*/*")
        flow = request.headers.get(FLOW, "")
        url = str(request.url)
        if is_streamed:
            incoming = self._door.stream(request.method, url, headers, body, bounds=bounds, flow=flow, explain=self._explain)
            return httpx2.Response(incoming.status, headers=_plain(incoming.headers), stream=_Stream(incoming))
        if headers["Accept"] != "application/json":
            headers["Accept"] = "*/*"  # of another type ("application/binary") nothing is known that could be checked
        answer = self._door.exchange(request.method, url, headers, body, bounds=bounds, flow=flow, explain=self._explain)
        return httpx2.Response(answer.status, headers=_plain(answer.headers), content=answer.body)

    def close(self) -> None:
        """Leave the door open: it is shared."""


class _Stream(httpx2.SyncByteStream):
    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._incoming)

    def close(self) -> None:
        self._incoming.close()


def _body(request: httpx2.Request) -> bytes | Iterable[bytes] | None:
    """Return a request's body, as bytes when it is in memory already."""
    if isinstance(request.stream, httpx2.ByteStream):
        return request.read() or None
    return cast("Iterable[bytes]", request.stream)


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _OF_THE_WIRE}
