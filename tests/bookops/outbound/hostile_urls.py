"""Addresses that try to reach the inside, in every spelling we know of."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

#: Addresses of IPv4 that nobody outside can mean.
INSIDE_V4 = (
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "10.255.255.254", "172.16.0.1", "172.31.255.1", "192.168.0.1", "192.168.255.255"),  # noqa: S104 - nothing is bound
    *("169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.7"),
    *("203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1"),
)
INSIDE_V6 = (
    *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "100::1", "3fff::1", "5f00::1"),
    *("2001::1", "2001:10::1", "2001:2::1", "64:ff9b:1::a00:1"),
)
INSIDE_NAMES = (
    *("localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "ip6-localhost", "metadata", "metadata.google.internal", "redis"),
    *(
        "kubernetes.default.svc.cluster.local",
        "printer.local",
        "db.internal",
        "router.lan",
        "nas.home",
        "x.home.arpa",
        "intranet",
        "wiki.corp",
    ),
    *(
        "foo.localhost",
        "instance-data.ec2.internal",
        "127.0.0.1.",
        "169.254.169.254.",
        "0",
        "1",
        "a",
        "example.com.",
        "under_score.example",
    ),
    *("-a.example.com", "a..example.com", ".example.com", "example..com", "exa mple.com", "example.123", "1.2.3", "1.2.3.4.5", "256.1.1.1"),
)
SCHEMES = ("http", "ftp", "file", "gopher", "dict", "ldap", "javascript", "data", "ws", "wss", "jar", "netdoc", "HTTPX", "https+unix", "//")


def spellings_v4(text: str) -> Iterator[str]:
    """Yield what `getaddrinfo`, browsers or libraries take for this address."""
    number = int(IPv4Address(text))
    parts = [int(part) for part in text.split(".")]
    a, b, c, d = parts
    yield text
    yield str(number)
    yield hex(number)
    yield f"0{number:o}"
    yield f"0x{number:08X}"
    yield ".".join(f"0{part:o}" for part in parts)
    yield ".".join(hex(part) for part in parts)
    yield ".".join(f"{part:04d}" for part in parts)
    yield f"{a}.{(b << 16) + (c << 8) + d}"
    yield f"{a}.{b}.{(c << 8) + d}"
    yield f"{hex(a)}.{b}.0{c:o}.{d}"
    yield f"{a + 256}.{b}.{c}.{d}"
    yield f"{text}."
    yield text.replace(".", "。")
    yield text.replace(".", "．")
    yield "".join(chr(ord(char) + 0xFEE0) if char.isdigit() else char for char in text)  # full-width digits
    yield "".join(chr(0x2460 + int(char) - 1) if char in "123456789" else char for char in text)  # circled digits
    yield "".join(chr(0x0660 + int(char)) if char.isdigit() else char for char in text)  # Arabic digits
    yield text.replace(".", "%2e")
    yield text.replace("1", "%31")
    for embedded in spellings_of_embedding(number):
        yield f"[{embedded}]"


def spellings_of_embedding(number: int) -> Iterator[str]:
    """Yield the IPv6 addresses that carry an IPv4 one."""
    dotted = str(IPv4Address(number))
    yield f"::ffff:{dotted}"
    yield f"::{dotted}"
    yield f"64:ff9b::{dotted}"
    yield f"::ffff:0:{dotted}"
    for block in ("::ffff:0:0", "64:ff9b::", "64:ff9b:1::"):
        yield str(IPv6Address(int(IPv6Address(block)) + number))
    yield str(IPv6Address((0x2002 << 112) + (number << 80) + 1))  # 6to4
    yield str(IPv6Address((0x20010000 << 96) + (number ^ 0xFFFFFFFF)))  # Teredo
    yield IPv6Address(0xFFFF00000000 + number).exploded


def hostile_urls() -> list[str]:
    """Return well over a thousand addresses, none of which may be connected to."""
    hosts = [spelling for text in INSIDE_V4 for spelling in spellings_v4(text)]
    hosts += [f"[{text}]" for text in INSIDE_V6] + [f"[{text}%25eth0]" for text in INSIDE_V6] + [f"[{text}%eth0]" for text in INSIDE_V6]
    hosts += INSIDE_NAMES
    urls = [f"https://{host}/hook" for host in hosts]
    for inside in ("127.0.0.1", "169.254.169.254", "[::1]", "localhost", "10.0.0.1"):
        urls += [
            f"https://hooks.example.com@{inside}/",
            f"https://hooks.example.com:443@{inside}/",
            f"https://{inside}@hooks.example.com/",
            f"https://user:password@{inside}/",
            f"https://{inside}#@hooks.example.com/",
            f"https://{inside}?@hooks.example.com/",
            f"https://{inside}\\@hooks.example.com/",
            f"https://hooks.example.com\\@{inside}/",
            f"https:\\\\{inside}/",
            f"https:/{inside}/",
            f"https:{inside}/",
            f"https:///{inside}/",
            f"https://{inside}%00.example.com/",
            f"https://{inside}%2f.example.com/",
            f"https://{inside}\t.example.com/",
            f"https://{inside}\r\nHost: hooks.example.com/",
            f"https://{inside} .example.com/",
            f"\thttps://{inside}/",
            f"https://{inside}:443:80/",
            f"https://{inside}:99999/",
            f"https://{inside}:/",
            f"https://{inside}:0443/",
            f"https://[{inside}/",
            f"https://{inside}]/",
        ]
        urls += [f"{scheme}://{inside}/" for scheme in SCHEMES]
    urls += [f"https://hooks.example.com:{port}/" for port in (0, 22, 25, 80, 5432, 6379, 8080, 9200, 11211, 65535, 70000)]
    urls += [f"{scheme}://hooks.example.com/" for scheme in SCHEMES if scheme != "//"]
    urls += [
        "",
        "/",
        "https://",
        "https:",
        "hooks.example.com",
        "https://" + "a" * 3000 + ".com/",
        "https://" + "a." * 200 + "com/",
        "https://\ud800.com/",
    ]
    return urls
