"""What every test stands on: a real Valkey, a closed network, and a word on what was skipped."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from sandbox.running import RunningSandbox, running
from tests import network
from tests.chromium import find_chromium
from tests.emptying import empty_tables
from tests.migrated import VARIABLE, copy_migrated
from tests.servers.valkey import ValkeyServer

#: The fixtures by which pytest-django opens the database; its others come down to one of them.
DATABASE_FIXTURES = frozenset({"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback", "live_server"})

# The same examples at every run, so that a suite that is green stays green; `make chaos` looks for new ones. Neither is a clock.
hypothesis_settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.register_profile("searching", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("same")


@pytest.fixture(scope="session", autouse=True)
def valkey() -> Iterator[ValkeyServer | None]:
    """Run the Valkey that tests/settings.py names, with an append-only file; None where TEST_REDIS_URL names another."""
    if os.environ.get("TEST_REDIS_URL"):
        yield None
        return
    server = ValkeyServer(settings.VAR_DIR, data=settings.VAR_DIR / "valkey")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session", autouse=True)
def closed_network() -> Iterator[None]:
    """Refuse every connection that leaves this machine."""
    with network.closed():
        yield


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[RunningSandbox]:
    """Run one sandbox for all tests of this process that ask for it."""
    with running() as started:
        yield started


@pytest.fixture
def sandbox(sandbox_process: RunningSandbox) -> RunningSandbox:
    """Return the sandbox as it is when it has just been started."""
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture(scope="session", autouse=True)
def quick_emptying() -> Iterator[None]:
    """Empty the tables after tests that commit by `empty_tables`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Begin with the migrated database of the run, if it has one, under the name that this process uses."""
    if settings.DATABASE_IS_SQLITE:
        copy_migrated(Path(settings.DATABASE["TEST"]["NAME"]))


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """Keep what is there already, as with --reuse-db, where that is the copy."""
    return bool(request.config.getvalue("reuse_db") or os.environ.get(VARIABLE))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the machine's own Chromium; as root it needs to go without its sandbox."""
    return browser_type_launch_args | {"executable_path": find_chromium(), "args": ["--no-sandbox"] if os.geteuid() == 0 else []}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the run on a second database leave out what cannot differ there."""
    parser.addoption("--only-database", action="store_true", help="run only tests that may use the database; to all others it is refused")
    parser.addoption("--failed-to", metavar="FILE", help="write the ids of the tests that failed into this file, a line each")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import and list the tests without looking for garbage in between, and never look at what is there then: it stays to the end.

    Of the seventeen seconds of a processor that each process of a run took for it, looking for garbage was more than half.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def uses_database(item: pytest.Item) -> bool:
    """Say whether pytest-django lets a test reach the database: by a mark, or by a fixture it asks for directly or through others.

    `postgres` may also mean a server that the test talks to past Django; `once` what is the same whatever the database.
    """
    if item.get_closest_marker("once"):
        return False
    marked = item.get_closest_marker("django_db") or item.get_closest_marker("postgres")
    return marked is not None or not DATABASE_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what was not asked for; skip what this machine or database cannot show, with the reason."""
    if config.getoption("--only-database"):
        left_out = [item for item in items if not uses_database(item)]
        items[:] = [item for item in items if uses_database(item)]
        config.hook.pytest_deselected(items=left_out)
    # What was given a longer time begins first, so that the processes of a run end together.
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)
    no_browser = pytest.mark.skip(reason="no Chromium on PATH (apt-get install chromium)")
    no_postgres = pytest.mark.skip(reason="holds on PostgreSQL only")
    chromium = find_chromium()
    for item in items:
        if not chromium and item.get_closest_marker("browser"):
            item.add_marker(no_browser)
        if settings.DATABASE_IS_SQLITE and item.get_closest_marker("postgres"):
            item.add_marker(no_postgres)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note in the test's report that it uses the shared data: reports come back from pytest-xdist's processes, items do not."""
    if item.get_closest_marker("shared"):
        item.user_properties.append(("shared", True))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say how many tests used the shared data, and on which database all of them ran; list those that failed, for who asked for it."""
    if config.getoption("--failed-to"):
        reports = terminalreporter.stats.get("failed", []) + terminalreporter.stats.get("error", [])
        Path(config.getoption("--failed-to")).write_text("".join(f"{report.nodeid}\n" for report in reports))

    def shared(outcome: str) -> int:
        return sum(("shared", True) in report.user_properties for report in terminalreporter.stats.get(outcome, []))

    database = "SQLite" if settings.DATABASE_IS_SQLITE else "PostgreSQL"
    used, skipped = shared("passed") + shared("failed"), shared("skipped")
    terminalreporter.write_line(f"{database}: {used} tests used the shared data" + (f", {skipped} were skipped" if skipped else ""))
