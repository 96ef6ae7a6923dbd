"""Doors as the settings describe them: whoever asks through one holds no database connection meanwhile."""

from __future__ import annotations

import socket

import pytest
from django.db import connection, connections, transaction

from bookops.clock import database_now
from bookops.doors import open_door, quota_of
from bookops.outbound.quota import Limits
from tests.bookops.outbound.rude_server import RudeServer, ok, running

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_connection_is_held_while_a_third_party_is_waited_for() -> None:
    ours, held, server = connections["default"], [], RudeServer()

    def reply(wire: socket.socket) -> None:
        held.append(ours.connection is not None)
        ok({})(wire)

    server.replies["/x"] = reply
    connection.ensure_connection()
    with running(server):
        open_door("a_source", server.url, Limits(), None).get("/x")
    assert held == [False]
    assert database_now()


def test_a_call_in_a_transaction_fails_the_test_that_makes_it() -> None:
    with running(RudeServer()) as server, transaction.atomic(), pytest.raises(pytest.fail.Exception, match="in a transaction"):
        open_door("a_source", server.url, Limits(), None).get("/")
    assert server.asked == []


@pytest.mark.once
def test_what_the_sandbox_was_asked_is_not_counted_against_the_real_source(settings) -> None:
    limits = Limits(per_day=10)
    settings.SOURCES = "sandbox"
    quota_of("counted_apart", limits).take()
    settings.SOURCES = "live"
    assert quota_of("counted_apart", limits).state().used_today == 0
    settings.SOURCES = "sandbox"
    assert quota_of("counted_apart", limits).state().used_today == 1
