"""The door to addresses that outsiders name (webhooks, photos): only public https hosts, whatever the name, the DNS or a redirect says."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urljoin

from bookops.outbound.answers import Answer, error_of
from bookops.outbound.errors import BadAnswer, Refused, TryAgain
from bookops.outbound.wire import Address, Bounds, Connection, PlainSocket, Resolve, Resolver, connect_any, exchange, tls_context

MAX_REDIRECTS = 3
MAX_URL = 2_048

#: Refused beside what `ipaddress` calls not global: it lets the addresses pass that carry another one inside, and more.
_NOT_PUBLIC = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "168.63.129.16/32",  # Azure's metadata and DNS, a public number that is only reachable inside
        "192.0.0.0/24",  # holds Oracle Cloud's metadata
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",  # IPv4-compatible, with ::1
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64 of one network
        "100::/64",
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",  # site-local
        "ff00::/8",
    )
)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
#: A last label of letters rules out every spelling of an IPv4 number; IDNs are taken in their xn-- form.
_HOST_NAME = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})")
_INSIDE = re.compile(r".*\.(?:localhost|local|localdomain|internal|intranet|lan|home|corp|private|home\.arpa|onion)")
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[^/?#\[\]@:]+)(?::(?P<port>\d{1,5}))?(?P<target>/[^#]*|\?[^#]*)?(?:#.*)?", re.I
)
_PRINTABLE = re.compile(r"[!-~]+")


def is_public(address: str) -> bool:
    """Tell whether an IP address is one that anybody on the internet could mean."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    return ip.is_global and not any(ip in block for block in _NOT_PUBLIC if block.version == ip.version)


@dataclass(frozen=True, slots=True)
class PublicURL:
    """Hold an address that a user named, taken apart once; nothing parses it again."""

    scheme: str
    host: str
    port: int
    #: Path and query.
    target: str

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.target}"


def parse(url: str, *, ports: Collection[int] = (443,), trusted_origins: Collection[str] = ()) -> PublicURL:
    """Take a URL apart; raises Refused unless it is https, without credentials, to a public host name or address on a port allowed.

    `trusted_origins` ("http://127.0.0.1:9000") are taken as they are: an operator named them.
    """
    if len(url) > MAX_URL or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise _refused("not a plain web address")
    found = _URL.fullmatch(url)
    if not found:
        raise _refused("not a plain web address, or one with credentials")
    scheme, host = found["scheme"].lower(), found["host"].lower().strip("[]")
    target = found["target"] or "/"
    parsed = PublicURL(
        scheme, host, int(found["port"] or (443 if scheme == "https" else 80)), target if target.startswith("/") else f"/{target}"
    )
    if parsed.origin in trusted_origins:
        return parsed
    if scheme != "https":
        raise _refused("only https")
    if parsed.port not in ports:
        raise _refused("this port is not allowed")
    if _is_address(host):
        if not is_public(host):
            raise _refused("the host is not public")
    elif len(host) > 253 or not _HOST_NAME.fullmatch(host) or _INSIDE.fullmatch(host):
        raise _refused("the host is not a public host name")
    return parsed


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _refused(detail: str) -> Refused:
    return Refused(detail, reason="forbidden_address")


class GuardedDoor:
    """Send to hosts that users name, or only to those of `hosts` (lower case) where given.

    A name is resolved once; if any of its addresses is not public it is refused, else exactly these addresses are connected to, with
    the name in SNI, certificate check and Host. Each redirect starts over. Nothing is kept open. Environment proxies are not used.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        bounds: Bounds = Bounds(connect=3.0, read=5.0, total=10.0, max_bytes=100_000),  # noqa: B008 - frozen
        ports: Collection[int] = (443,),
        hosts: Collection[str] | None = None,
        trusted_origins: Collection[str] = (),
        ca_file: str | None = None,
        resolve: Resolve | None = None,
        connect: Callable[[list[Address], float, float], PlainSocket] = connect_any,
    ) -> None:
        self._headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "gzip"}
        self._bounds = bounds
        self._ports = frozenset(ports)
        self._hosts = None if hosts is None else frozenset(hosts)
        self._trusted_origins = frozenset(trusted_origins)
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None
        self._resolve = resolve or Resolver()
        self._connect = connect

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send `body` and return a 2xx answer; raises one of the four errors, Refused where the address is not allowed."""
        return self._ask("POST", url, {"Content-Type": "application/json", **(headers or {})}, body)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return a 2xx answer; like `post` otherwise."""
        return self._ask("GET", url, headers or {}, None)

    def get_once(self, url: str, seconds: float) -> Answer:
        """Return whatever one address answers within so many seconds, a redirect or an error too; raises like `post` otherwise."""
        until = time.monotonic() + min(seconds, self._bounds.total)
        return self._ask_once(self._allowed(url), "GET", self._headers, None, until)

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        deadline = time.monotonic() + self._bounds.total
        for _ in range(MAX_REDIRECTS + 1):
            parsed = self._allowed(url)
            answer = self._ask_once(parsed, method, {**self._headers, **headers}, body, deadline)
            if answer.status not in (301, 302, 303, 307, 308):
                failure = error_of(answer)
                if failure:
                    raise failure
                return answer
            if method != "GET" and answer.status not in (307, 308):
                raise BadAnswer(f"HTTP {answer.status} to a {method}", reason="bad_redirect")
            try:
                url = urljoin(str(parsed), answer.headers.get("location", ""))
            except ValueError:
                raise BadAnswer("redirected to no address", reason="bad_redirect") from None
        raise BadAnswer(f"more than {MAX_REDIRECTS} redirects", reason="redirect_loop")

    def _allowed(self, url: str) -> PublicURL:
        parsed = parse(url, ports=self._ports, trusted_origins=self._trusted_origins)
        if self._hosts is not None and parsed.host not in self._hosts and parsed.origin not in self._trusted_origins:
            raise Refused("the host is not on the list", reason="forbidden_host")
        return parsed

    def _ask_once(self, url: PublicURL, method: str, headers: Mapping[str, str], body: bytes | None, deadline: float) -> Answer:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TryAgain("no answer in time", reason="timeout")
        trusted = url.origin in self._trusted_origins

        def dial(host: str, port: int, until: float) -> PlainSocket:
            addresses = self._resolve(host, port, until)
            if not trusted and not all(is_public(str(address[0])) for _, address in addresses):
                raise _refused("the host is not public")
            return self._connect(addresses, until, self._bounds.connect)

        bounds = Bounds(self._bounds.connect, self._bounds.read, left, self._bounds.max_bytes)
        connection = Connection(url.host, url.port, dial=dial, tls=self._tls_for(url))
        try:
            return exchange(connection, method, url.target, headers=headers, body=body, bounds=bounds)
        finally:
            connection.close()

    def _tls_for(self, url: PublicURL) -> ssl.SSLContext | None:
        if url.scheme == "https" and self._tls is None:
            self._tls = tls_context(self._ca_file)
        return self._tls if url.scheme == "https" else None
