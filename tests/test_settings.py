"""Settings come from the environment, every variable is documented, and a bad or unsafe value stops the start."""

import ast
import os
import runpy
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import structlog
from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values

PROJECT = Path(__file__).parent.parent
SAFE_PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "k" * 50,
    "CONTACT": "books@example.org",
    "ALLOWED_HOSTS": "books.example.org",
    "SOURCES": "live",
    "GOOGLE_BOOKS_KEY": "a key",
}


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Put structlog back: loading settings configures it for the whole process."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def load(**environment: str) -> dict[str, Any]:
    """Run settings.py afresh with this environment and nothing else of ours, and return its settings."""
    with mock.patch.dict(os.environ, {"VAR_DIR": "/nonexistent", **environment}, clear=True):
        return runpy.run_path(str(PROJECT / "config/settings.py"))


def refusal(**environment: str) -> str:
    with pytest.raises(ImproperlyConfigured) as refused:
        load(**environment)
    return str(refused.value)


def variables_read() -> set[str]:
    """Return the names that settings.py asks `config.environment` for."""
    calls = [node for node in ast.walk(ast.parse((PROJECT / "config/settings.py").read_text())) if isinstance(node, ast.Call)]
    asked = [call for call in calls if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "env"]
    return {call.args[0].value for call in asked if call.args and isinstance(call.args[0], ast.Constant)}


def test_every_variable_read_stands_in_the_example_and_the_other_way_round() -> None:
    assert len(variables_read()) > 60
    assert set(dotenv_values(PROJECT / ".env.example")) == variables_read()


def test_the_example_names_the_defaults() -> None:
    example = {name: value or "" for name, value in dotenv_values(PROJECT / ".env.example").items() if name != "VAR_DIR"}

    def comparable(settings: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in settings.items() if name.isupper() and name != "LOGGING"}

    assert comparable(load(**example)) == comparable(load())


def test_only_the_settings_read_the_environment() -> None:
    reads = [
        str(path.relative_to(PROJECT))
        for app in ("bookops", "enrichment", "runbooks", "llmjobs")
        for path in (PROJECT / app).rglob("*.py")
        if "os.getenv" in (text := path.read_text()) or "os.environ" in text.replace("os.environ |", "")
    ]
    assert reads == []  # `os.environ |` hands the whole of it on to a child


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "staging"),
        ("DEBUG", "maybe"),
        ("CHUNK_SIZE", "many"),
        ("CHUNK_SIZE", "0"),
        ("MAX_ATTEMPTS", "-1"),
        ("LEASE_SECONDS", "nan"),
        ("LEASE_SECONDS", "1"),
        ("SOURCES", "real"),
        ("SOURCE_POLICY", "greedy"),
        ("THROTTLE_UPLOAD", "often"),
        ("THROTTLE_UPLOAD", "0/min"),
        ("PUBLIC_URL", "books.example.org"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("ADMIN_THEME", "dark"),
        ("REDIS_URL", "amqp://somewhere"),
        ("DATABASE_URL", "mysql://me@there/books"),
        ("DATABASE_URL", "somewhere"),
        ("EMAIL_URL", "pigeon://loft"),
        ("SECRET_KEY_FILE", "/nonexistent/secret"),
    ],
)
def test_a_bad_value_stops_the_start_and_is_named(name: str, value: str) -> None:
    assert name in refusal(**{name: value})


def test_a_refused_database_address_does_not_show_its_password() -> None:
    assert "hunter2" not in refusal(DATABASE_URL="mysql://me:hunter2@there/books")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"DEBUG": "true"}, "DEBUG"),
        ({"CONTACT": ""}, "CONTACT"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"SOURCES": "sandbox"}, "SOURCES"),
        ({"GOOGLE_BOOKS_KEY": ""}, "GOOGLE_BOOKS_KEY"),
    ],
)
def test_production_refuses_what_is_unsafe(change: dict[str, str], named: str) -> None:
    assert named in refusal(**SAFE_PRODUCTION | change)


LIVE = {"SOURCES": "live", "CONTACT": "books@example.org", "GOOGLE_BOOKS_KEY": "a key"}


@pytest.mark.parametrize(("name", "value"), [("CONTACT", ""), ("CONTACT", "me"), ("GOOGLE_BOOKS_KEY", "")])
def test_the_real_sources_are_not_asked_without_what_they_need(name: str, value: str) -> None:
    assert name in refusal(**LIVE | {name: value})


def test_a_process_that_asks_no_source_needs_no_key() -> None:
    assert load(**LIVE | {"GOOGLE_BOOKS_KEY": "", "ASKS_SOURCES": "false"})["GOOGLE_BOOKS_KEY"] == ""


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"SOURCE_DEADLINE_SECONDS": "60"}, "SOURCE_DEADLINE_SECONDS is 60: it must be below LEASE_SECONDS (30)"),
        ({"LEASE_SECONDS": "10"}, "SOURCE_DEADLINE_SECONDS is 20: it must be below LEASE_SECONDS (10)"),
        ({"SOURCE_CONNECT_SECONDS": "20"}, "SOURCE_CONNECT_SECONDS is 20: it must be below SOURCE_DEADLINE_SECONDS (20)"),
        ({"SOURCE_DEADLINE_SECONDS": "4"}, "SOURCE_CONNECT_SECONDS is 5: it must be below SOURCE_DEADLINE_SECONDS (4)"),
    ],
)
def test_a_call_ends_before_the_lease_of_its_row(changes: dict[str, str], refused: str) -> None:
    assert refusal(**changes).startswith(refused)


def test_production_starts_when_all_is_safe_and_hardens_what_it_serves() -> None:
    settings = load(**SAFE_PRODUCTION)
    assert settings["SESSION_COOKIE_SECURE"] and settings["CSRF_COOKIE_SECURE"] and settings["SECURE_SSL_REDIRECT"]
    assert settings["SECURE_HSTS_SECONDS"] == 31_536_000
    assert settings["LOG_FORMAT"] == "json"


def test_the_commands_say_a_bad_value_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "CHUNK_SIZE": "many"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "Settings: CHUNK_SIZE is 'many': it must be a whole number, at least 1.\n"


@pytest.mark.parametrize(
    ("name", "written", "setting", "read"),
    [
        ("SECRET_KEY", "$hunter2", "SECRET_KEY", "$hunter2"),
        ("GOOGLE_BOOKS_KEY", "$hunter2", "GOOGLE_BOOKS_KEY", "$hunter2"),
        ("STORAGE_SECRET", "$hunter2", "STORAGE_SECRET", "$hunter2"),
        ("REDIS_URL", "redis://:hunter2@there:6379/0", "REDIS_URL", "redis://:hunter2@there:6379/0"),
        ("EMAIL_URL", "smtp+tls://me:hunter2@there:587", "EMAIL_HOST_PASSWORD", "hunter2"),
        ("DATABASE_URL", "postgresql://me:hunter2@there/books", "SECRETS", None),
    ],
)
def test_every_secret_may_come_from_a_file_and_is_redacted(name: str, written: str, setting: str, read: str | None, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(written + "\n")
    settings = load(**{f"{name}_FILE": str(secret)})
    assert read is None or settings[setting] == read
    assert any("hunter2" in redacted for redacted in settings["SECRETS"])


def test_tls_to_the_database_is_a_setting() -> None:
    settings = load(DATABASE_URL="postgresql://me@there/books", DATABASE_SSLMODE="verify-full", DATABASE_CA="/etc/ca.pem")
    options = settings["DATABASES"]["default"]["OPTIONS"]
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/etc/ca.pem")


def test_tls_to_the_broker_verifies_its_certificate_everywhere() -> None:
    settings = load(REDIS_URL="rediss://there:6380/0", REDIS_CA="/etc/ca.pem")
    wanted = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certs": "/etc/ca.pem"}
    assert settings["CELERY_BROKER_USE_SSL"] == settings["CELERY_REDIS_BACKEND_USE_SSL"] == wanted
    assert settings["CACHES"]["default"]["OPTIONS"]["ssl_ca_certs"] == "/etc/ca.pem"
    assert settings["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"][0]["ssl_ca_certs"] == "/etc/ca.pem"
    assert settings["CACHES"]["default"]["LOCATION"] == "rediss://there:6380/2"


def test_tls_to_the_storage_is_verified_against_the_authority_named() -> None:
    options = load(STORAGE_BUCKET="books", STORAGE_URL="https://minio:9000", STORAGE_CA="/etc/ca.pem")["STORAGES"]["default"]["OPTIONS"]
    assert (options["endpoint_url"], options["verify"]) == ("https://minio:9000", "/etc/ca.pem")
    assert load(STORAGE_BUCKET="books")["STORAGES"]["default"]["OPTIONS"]["verify"] is True


def test_a_unix_socket_is_spelled_as_each_client_wants_it() -> None:
    settings = load(REDIS_URL="unix:///tmp/b/v.sock")
    assert settings["CELERY_BROKER_URL"] == "redis+socket:///tmp/b/v.sock?virtual_host=0"
    assert settings["CACHES"]["default"]["LOCATION"] == "unix:///tmp/b/v.sock?db=2"
    assert settings["CHANNEL_LAYERS"]["default"]["CONFIG"]["hosts"][0]["address"] == "unix:///tmp/b/v.sock?db=3"


def test_commands_in_another_terminal_join_a_running_stack(tmp_path: Path) -> None:
    (tmp_path / "stack.env").write_text("REDIS_URL=unix:///tmp/b/v.sock\nSANDBOX_URL=http://127.0.0.1:4711\n")
    joined = load(VAR_DIR=str(tmp_path))
    assert (joined["REDIS_URL"], joined["SANDBOX_URL"], joined["REDIS_URL_GIVEN"]) == ("unix:///tmp/b/v.sock", "http://127.0.0.1:4711", "")
    assert load(VAR_DIR=str(tmp_path), REDIS_URL="redis://mine")["REDIS_URL"] == "redis://mine"


def test_all_processes_together_stay_below_the_databases_connections() -> None:
    """Web, six workers, beat and sweeper, each with a pool of its own, on PostgreSQL's default of 100."""
    pool = load(DATABASE_URL="postgresql://me@there/books")["DATABASES"]["default"]["OPTIONS"]["pool"]
    assert 9 * pool["max_size"] < 100
