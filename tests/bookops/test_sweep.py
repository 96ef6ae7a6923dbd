"""The sweeper and its command."""

import json
import os
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import call_command

from bookops import pulse, sweep
from tests.factories import make_row

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_round_says_what_it_moved_and_gives_a_sign_of_life():
    make_row(state="parked")
    assert sweep.sweep_once()["rows_resumed"] == 1
    assert sweep.last_round() is not None
    assert pulse.alive("sweeper") == 1


def test_a_broom_that_fails_does_not_keep_the_others_from_sweeping(monkeypatch):
    def broken(now):
        raise ZeroDivisionError

    monkeypatch.setattr(sweep, "_brooms", [broken, *sweep._brooms])
    make_row(state="parked")
    moved = sweep.sweep_once()
    assert (moved["failed_brooms"], moved["rows_resumed"]) == (1, 1)


def test_the_command_prints_one_round(capsys):
    make_row(state="parked")
    call_command("sweep", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["rows_resumed"] == 1


@pytest.mark.once
def test_the_loop_ends_cleanly_on_a_signal():
    database = settings.DATABASES["default"]["NAME"]
    url = os.environ.get("TEST_DATABASE_URL")
    url = urlsplit(url)._replace(path=f"/{database}").geturl() if url else f"sqlite:///{database}"
    env = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings", "SWEEP_SECONDS": "0.2"}
    process = subprocess.Popen([sys.executable, "manage.py", "sweep", "--loop"], env=env, cwd=settings.BASE_DIR)
    try:
        deadline = time.monotonic() + 30
        while sweep.last_round() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert sweep.last_round() is not None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
