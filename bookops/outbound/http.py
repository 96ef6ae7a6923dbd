"""The door to one third party that an operator configured: every call to it passes here."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urljoin, urlsplit

from bookops.outbound.answers import Answer, error_of
from bookops.outbound.errors import BadAnswer, Refused, SourceError, TryAgain
from bookops.outbound.wire import (
    Body,
    Bounds,
    Connection,
    Incoming,
    PlainSocket,
    Resolve,
    Resolver,
    begin,
    connect_any,
    exchange,
    finish,
    tls_context,
)

if TYPE_CHECKING:
    from bookops.outbound.breaker import Breaker
    from bookops.outbound.quota import Quota

logger = logging.getLogger(__name__)

MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: How long everybody waits after a 429 that does not say.
PAUSE_AFTER_429 = 60.0
#: Reasons to try again that say nothing against the third party.
SAID_BY_WHO_IS_UP = frozenset({"rate_limited", "conflict", "not_yet"})

#: Read a third party's own words for a failure; None leaves it to the status.
Explain = Callable[[Answer], SourceError | None]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Say what one request cost and how it ended."""

    source: str
    #: Without the query, which may hold a key.
    path: str
    #: None when no answer came.
    status: int | None
    seconds: float
    bytes_in: int
    bytes_out: int
    #: The reason code of the error, "" when there was none.
    error: str


@dataclass(frozen=True, slots=True)
class _Origin:
    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> _Origin:
        """Raises ValueError when the address names no host, or a port that is none."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise ValueError("not the address of a web service")
        return cls(parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))


@dataclass(frozen=True, slots=True)
class _Call:
    """One request under way."""

    origin: _Origin
    path: str
    #: Path and query.
    target: str
    bytes_out: int
    started: float


class Door:
    """Ask one third party, by HTTP, within deadlines, a byte cap, its quota and its circuit breaker.

    Redirects are followed to `base_url`'s own origin and to the named hosts (same scheme, default port) and to no other. Environment
    proxies are not used. May be shared by any number of threads; up to `pool_size` connections are kept open. `before_call` runs in the
    thread that asks, before it waits for its turn.
    """

    def __init__(
        self,
        source: str,
        base_url: str,
        *,
        user_agent: str,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
        pool_size: int = 50,
        allowed_hosts: Collection[str] = (),
        ca_file: str | None = None,
        quota: Quota | None = None,
        breaker: Breaker | None = None,
        before_call: Callable[[], None] | None = None,
        on_call: Callable[[CallRecord], None] | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self.source = source
        self.base_url = base_url.rstrip("/")
        self.quota = quota
        self.breaker = breaker
        self.bounds = bounds
        self._before_call = before_call
        self._on_call = on_call
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip"}
        home = _Origin.of(self.base_url)
        default_port = 443 if home.scheme == "https" else 80
        self._home = home
        self._allowed = {home, *(_Origin(home.scheme, host, default_port) for host in allowed_hosts)}
        self._tls = tls_context(ca_file) if home.scheme == "https" else None
        self._resolve = resolve or Resolver()
        self._idle: deque[tuple[_Origin, Connection]] = deque(maxlen=pool_size)

    def __repr__(self) -> str:
        return f"<Door to {self.source} at {self.base_url}>"

    def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
        flow: str = "",
        explain: Explain | None = None,
    ) -> Answer:
        """Ask for `path` under the base URL and return a 2xx answer.

        `flow` names whoever the pace is shared with fairly, usually an import. May sleep for the quota before it asks. Raises one of
        the four errors, and nothing else.
        """
        url = f"{self.base_url}/{quote(path.lstrip('/'))}"
        if params:
            url += "?" + urlencode(params, safe=":,")
        return self._ask("GET", url, {"Accept": accept, **(headers or {})}, None, flow, explain)

    def post(
        self,
        path: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        headers: Mapping[str, str] | None = None,
        flow: str = "",
        explain: Explain | None = None,
    ) -> Answer:
        """Send `body` to `path` under the base URL and return a 2xx answer; like `get` otherwise. Never sent twice by itself."""
        url = f"{self.base_url}/{quote(path.lstrip('/'))}"
        return self._ask("POST", url, {"Accept": accept, "Content-Type": content_type, **(headers or {})}, body, flow, explain)

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body = None,
        *,
        bounds: Bounds | None = None,
        flow: str = "",
        explain: Explain | None = None,
    ) -> Answer:
        """Make a request that was put together elsewhere, whole address and "Accept" included, and return a 2xx answer.

        No redirect is followed; like `get` otherwise.
        """
        answer = self._ask_once(method, url, headers, body, flow, explain, bounds)
        if answer.status in REDIRECTS:
            raise BadAnswer(f"HTTP {answer.status} where no redirect is followed", reason="bad_redirect", source=self.source)
        return answer

    def stream(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body = None,
        *,
        bounds: Bounds | None = None,
        flow: str = "",
        explain: Explain | None = None,
    ) -> Incoming:
        """Make a request like `exchange`, and return a 2xx answer once its head is there; reading the rest may raise as well.

        The call is on the record when the answer has ended.
        """
        call = self._begun(url, headers, body, flow)
        bounds = bounds or self.bounds
        answer: Answer | None = None
        try:
            connection = self._connection(call.origin)
            response = begin(connection, method, call.target, headers={**self._headers, **headers}, body=body, bounds=bounds)
            if not 200 <= response.status < 300:
                answer = finish(connection, response, self.bounds, call.started)
                self._keep(call.origin, connection)
                self._check(answer, "*/*", explain)  # raises
        except BaseException as error:
            self._settle(call, answer, error if isinstance(error, SourceError) else None)
            raise

        def ended(incoming: Incoming, failure: SourceError | None) -> None:
            self._keep(call.origin, connection)
            self._settle(call, incoming, failure)

        return Incoming(connection, response, bounds, ended)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop()[1].close()

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, flow: str, explain: Explain | None) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._ask_once(method, url, headers, body, flow, explain)
            if answer.status not in REDIRECTS:
                return answer
            if method != "GET" and answer.status not in (307, 308):
                raise BadAnswer(f"HTTP {answer.status} to a {method}", reason="bad_redirect", source=self.source)
            try:
                url = urljoin(url, quote(answer.headers.get("location", ""), safe="%/:=&?~#+!$,;'@()*[]"))
            except ValueError:
                raise BadAnswer("redirected to no address", reason="bad_redirect", source=self.source) from None
        raise BadAnswer(f"more than {MAX_REDIRECTS} redirects", reason="redirect_loop", source=self.source)

    def _ask_once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body,
        flow: str,
        explain: Explain | None,
        bounds: Bounds | None = None,
    ) -> Answer:
        """Make one request with all that surrounds it: breaker, quota, record."""
        call = self._begun(url, headers, body, flow)
        answer: Answer | None = None
        failure: SourceError | None = None
        try:
            connection = self._connection(call.origin)
            answer = exchange(
                connection, method, call.target, headers={**self._headers, **headers}, body=body, bounds=bounds or self.bounds
            )
            self._keep(call.origin, connection)
            if answer.status not in REDIRECTS:
                self._check(answer, headers["Accept"], explain)
            return answer
        except SourceError as error:
            failure = error
            raise
        finally:
            self._settle(call, answer, failure)

    def _begun(self, url: str, headers: Mapping[str, str], body: Body, flow: str) -> _Call:
        """Return a call that breaker and quota have let through."""
        origin = self._checked_origin(url)
        if self._before_call:
            self._before_call()
        if self.breaker:
            self.breaker.enter()
        if self.quota:
            self.quota.take(flow)
        parts = urlsplit(url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        length = len(body) if isinstance(body, bytes) else int(headers.get("Content-Length", 0))
        return _Call(origin, parts.path, target, len(target) + length, time.monotonic())

    def _checked_origin(self, url: str) -> _Origin:
        try:
            origin = _Origin.of(url)
        except ValueError:
            origin = None
        if origin not in self._allowed:
            raise Refused("redirected to a host that is not on the list", reason="forbidden_host", source=self.source)
        return origin

    def _connection(self, origin: _Origin) -> Connection:
        return self._idle_connection(origin) or Connection(origin.host, origin.port, dial=self._dial, tls=self._tls)

    def _keep(self, origin: _Origin, connection: Connection) -> None:
        """Keep a connection for the next call, if it is open and there is room."""
        if connection.sock is None:
            return
        if len(self._idle) == self._idle.maxlen:
            connection.close()
        else:
            self._idle.append((origin, connection))

    def _idle_connection(self, origin: _Origin) -> Connection | None:
        while True:
            try:
                home, connection = self._idle.pop()
            except IndexError:
                return None
            if home == origin and not connection.is_stale:
                return connection
            connection.close()

    def _dial(self, host: str, port: int, deadline: float) -> PlainSocket:
        return connect_any(self._resolve(host, port, deadline), deadline, self.bounds.connect)

    def _check(self, answer: Answer, accept: str, explain: Explain | None) -> None:
        """Raise what the answer stands for, when it is not the 2xx of the type asked for."""
        failure = error_of(answer)
        if failure is not None:
            raise (explain and explain(answer)) or failure
        if accept == "application/json":
            _ = answer.data  # parsed here, so that broken JSON is on the record and before the breaker
        elif accept != "*/*" and answer.media_type != accept:
            raise BadAnswer(f"expected {accept}, got {answer.media_type[:80]}", reason="wrong_type")

    def _settle(self, call: _Call, answer: Answer | Incoming | None, failure: SourceError | None) -> None:
        """Learn from a call, unless it was broken off in here, and put it on the record."""
        if failure:
            failure.source = failure.source or self.source
        if answer or failure:
            self._learn(failure)
        self._record(
            CallRecord(
                source=self.source,
                path=call.path,
                status=answer.status if answer else None,
                seconds=time.monotonic() - call.started,
                bytes_in=answer.received if answer else 0,
                bytes_out=call.bytes_out,
                error=failure.reason if failure else "",
            )
        )

    def _learn(self, failure: SourceError | None) -> None:
        """Tell the breaker, and all processes through the quota, what this call taught."""
        if self.quota and isinstance(failure, TryAgain):
            if failure.reason == "rate_limited" and failure.retry_after is None:
                failure.retry_after = PAUSE_AFTER_429
            if failure.retry_after is not None:
                self.quota.block(failure.retry_after, spent=failure.spent)
        if self.breaker:
            # A third party that counts our calls, finds nothing or refuses us is up.
            down = isinstance(failure, BadAnswer) or (
                isinstance(failure, TryAgain) and failure.reason not in SAID_BY_WHO_IS_UP and not failure.spent
            )
            is_shut = isinstance(failure, Refused) and failure.account_wide
            self.breaker.failed(at_once=is_shut) if down or is_shut else self.breaker.succeeded()

    def _record(self, record: CallRecord) -> None:
        if self._on_call is None:
            return
        try:
            self._on_call(record)
        except Exception:  # whoever counts calls must not be able to fail one
            logger.exception("The listener of %s failed", self.source)
