from __future__ import annotations

import itertools
import socket
from typing import Any

import pytest

from bookops.outbound.errors import BadAnswer, Refused, SourceError, TryAgain
from bookops.outbound.guard import GuardedDoor, is_public, parse
from bookops.outbound.wire import Address, Bounds, PlainSocket, connect_any
from tests.bookops.outbound.hostile_urls import INSIDE_V4, INSIDE_V6, hostile_urls, spellings_of_embedding
from tests.bookops.outbound.rude_server import FAULTS, RudeServer, answer, redirect
from tests.shared_data import shared_path

PUBLIC = "93.184.215.14"


class Wires:
    """Note each address that would be connected to, and lead it to a local server instead."""

    def __init__(self, server: RudeServer | None = None) -> None:
        self.server = server
        self.connected: list[str] = []

    def __call__(self, addresses: list[Address], deadline: float, patience: float) -> PlainSocket:
        self.connected.append(addresses[0][1][0])
        if self.server is None:
            raise ConnectionRefusedError
        return connect_any([(socket.AF_INET, ("127.0.0.1", self.server.port))], deadline, patience)


def resolves_to(*answers: str | list[str]) -> Any:
    """Return a resolver that gives these answers in turn, over and over."""
    turns = itertools.cycle(answers)

    def resolve(host: str, port: int, deadline: float) -> list[Address]:
        given = next(turns)
        found = [given] if isinstance(given, str) else given
        return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, (ip, port)) for ip in found]

    return resolve


def system_resolver(host: str, port: int, deadline: float) -> list[Address]:
    """Take every spelling of a number that the C library takes, and no name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return [(socket.AF_INET, ("127.0.0.1", port))]
    return [(family, address) for family, _, _, _, address in found]


def guarded(wires: Wires, resolve: Any, **changes: Any) -> GuardedDoor:
    return GuardedDoor(user_agent="bookops/1", resolve=resolve, connect=wires, bounds=Bounds(0.5, 0.3, 0.6, 100_000), **changes)


def test_no_hostile_address_is_ever_connected_to():
    wires = Wires()
    door = guarded(wires, system_resolver)
    urls = hostile_urls()
    for url in urls:
        with pytest.raises(Refused):
            door.post(url, b"{}")
    assert len(set(urls)) >= 1_000
    assert wires.connected == []


@pytest.mark.shared
def test_it_agrees_with_the_verdicts_of_smokescreen():
    lines = shared_path("data", "hostile", "ssrf", "smokescreen_ip_verdicts.tsv").read_text().splitlines()[1:]
    verdicts = {ip: verdict == "allow" for ip, verdict, _ in (line.split("\t") for line in lines)}
    assert len(verdicts) == 28
    assert {ip: is_public(ip) for ip in verdicts} == verdicts


@pytest.mark.parametrize("inside", [*INSIDE_V4, *INSIDE_V6, *spellings_of_embedding(0x7F000001), *spellings_of_embedding(0x08080808)])
def test_a_name_that_leads_inside_is_refused(inside):
    wires = Wires()
    with pytest.raises(Refused, match="not public") as caught:
        guarded(wires, resolves_to(inside)).post("https://hooks.example.com/", b"{}")
    assert caught.value.reason == "forbidden_address"
    assert inside not in str(caught.value)
    assert wires.connected == []


def test_one_inner_address_among_public_ones_is_enough_to_refuse():
    wires = Wires()
    with pytest.raises(Refused):
        guarded(wires, resolves_to([PUBLIC, "10.0.0.1"])).post("https://hooks.example.com/", b"{}")
    assert wires.connected == []


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/services/T0/B0?token=a%20b&x=1",
        "https://HOOKS.example.com",
        "https://hooks.example.com:443/#part",
        "https://xn--bcher-kva.example/",
        "https://example.xn--p1ai/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/hook",
    ],
)
def test_public_addresses_are_taken(url):
    wires = Wires()
    with pytest.raises(TryAgain):
        guarded(wires, resolves_to(PUBLIC)).post(url, b"{}")
    assert wires.connected == [PUBLIC]


def test_it_connects_to_the_address_it_checked_under_the_name_it_was_given(tls_server, ca_file):
    wires = Wires(tls_server)
    tls_server.default = answer(200, b"thanks", "text/plain")
    door = guarded(wires, resolves_to(PUBLIC), ca_file=ca_file)

    answered = door.post("https://hooks.example.com/hook?a=1", b'{"done": 1}', {"X-Signature": "abc"})

    assert answered.body == b"thanks"
    assert wires.connected == [PUBLIC]
    asked = tls_server.asked[0]
    assert (asked.line, asked.body) == ("POST /hook?a=1 HTTP/1.1", b'{"done": 1}')
    assert (asked.headers["host"], asked.headers["x-signature"]) == ("hooks.example.com", "abc")


def test_a_certificate_for_another_name_is_not_taken(tls_server, ca_file):
    with pytest.raises(TryAgain) as caught:
        guarded(Wires(tls_server), resolves_to(PUBLIC), ca_file=ca_file).post("https://other.example.com/", b"{}")
    assert caught.value.reason == "tls"
    assert tls_server.asked == []


def test_200_flips_of_a_rebinding_name_never_lead_inside():
    wires = Wires()
    door = guarded(wires, resolves_to(PUBLIC, "127.0.0.1", "169.254.169.254", [PUBLIC, "::1"]))
    for _ in range(200):
        with pytest.raises(SourceError):
            door.post("https://rebind.example.com/", b"{}")
    assert set(wires.connected) == {PUBLIC}
    assert len(wires.connected) == 50  # one look-up a call: what was checked is what is connected to


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("hop", [1, 2, 3])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_redirect_inside_is_refused_at_each_hop(tls_server, ca_file, status, hop, method):
    wires = Wires(tls_server)
    door = guarded(wires, resolves_to(PUBLIC), ca_file=ca_file)
    arguments = (b"{}",) if method == "post" else ()
    for number in range(1, hop):
        tls_server.replies[f"/{number}"] = redirect(f"https://hooks.example.com/{number + 1}", 307)
    for inside in ("https://127.0.0.1/", "http://169.254.169.254/latest/", "https://localhost/", "https://[::ffff:10.0.0.1]/"):
        tls_server.asked.clear()
        tls_server.replies[f"/{hop}"] = redirect(inside, status)
        with pytest.raises((Refused, BadAnswer)):
            getattr(door, method)("https://hooks.example.com/1", *arguments)
        assert len(tls_server.asked) == hop
    assert set(wires.connected) == {PUBLIC}


def test_a_redirect_to_a_name_that_leads_inside_is_refused(tls_server, ca_file):
    wires = Wires(tls_server)
    tls_server.default = redirect("https://hooks.example.com/again", 308)
    with pytest.raises(Refused):
        guarded(wires, resolves_to(PUBLIC, "10.0.0.7"), ca_file=ca_file).post("https://hooks.example.com/", b"{}")
    assert wires.connected == [PUBLIC]


def test_redirects_end(tls_server, ca_file):
    tls_server.default = redirect("/again", 308)
    with pytest.raises(BadAnswer) as caught:
        guarded(Wires(tls_server), resolves_to(PUBLIC), ca_file=ca_file).post("https://hooks.example.com/", b"{}")
    assert caught.value.reason == "redirect_loop"
    assert len(tls_server.asked) == 4


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_a_receiver_is_one_of_the_four_errors(server, fault):
    server.default = FAULTS[fault]
    origin = server.url
    door = guarded(Wires(server), resolves_to("127.0.0.1"), trusted_origins=[origin])
    try:
        answered = door.post(f"{origin}/hook", b"{}")
    except SourceError:
        return
    assert 200 <= answered.status < 300  # what a receiver says in a 2xx is nobody's business


def test_an_origin_that_an_operator_trusts_may_be_inside(server):
    door = GuardedDoor(user_agent="bookops/1", trusted_origins=[server.url])
    assert door.post(f"{server.url}/hook", b"{}").status == 200
    with pytest.raises(Refused):
        door.post(f"http://127.0.0.1:{server.port + 1}/hook", b"{}")
    with pytest.raises(Refused):
        door.post(f"http://127.0.0.1:{server.port}@hooks.example.com/", b"{}")


def test_another_port_has_to_be_allowed():
    assert parse("https://hooks.example.com:8443/", ports=(443, 8443)).port == 8443
    with pytest.raises(Refused):
        parse("https://hooks.example.com:8443/")


def test_a_door_with_a_list_of_hosts_leads_to_no_other_by_name_or_redirect(tls_server, ca_file):
    wires = Wires(tls_server)
    door = guarded(wires, resolves_to(PUBLIC), ca_file=ca_file, hosts={"hooks.example.com"})
    tls_server.replies["/away"] = redirect("https://elsewhere.example.com/a.jpg")
    tls_server.replies["/photo"] = answer(200, b"\xff\xd8", "image/jpeg")

    assert door.get("https://hooks.example.com/photo").body == b"\xff\xd8"
    for url in (
        "https://hooks.example.com/away",
        "https://elsewhere.example.com/",
        "https://hooks.example.com.evil.example/",
        "https://93.184.215.14/",
    ):
        with pytest.raises(Refused) as caught:
            door.get(url)
        assert caught.value.reason == "forbidden_host"
    assert len(wires.connected) == 2
    assert len(tls_server.asked) == 2


def test_a_trusted_origin_need_not_be_on_the_list_of_hosts(server):
    door = GuardedDoor(user_agent="bookops/1", hosts={"hooks.example.com"}, trusted_origins=[server.url])
    assert door.get(f"{server.url}/photo").status == 200
