"""Settings come from the environment, every variable is documented, and a bad or unsafe value stops the start."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

PROJECT = Path(__file__).parent.parent
SAFE_PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "k" * 50,
    "CONTACT": "books@example.org",
    "ALLOWED_HOSTS": "books.example.org",
    "SOURCES": "live",
}


def load(show: str = "'loaded'", **environment: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of their own, as every start does, and print an expression over them."""
    return subprocess.run(
        [sys.executable, "-c", f"from config import settings as s; print({show})"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "VAR_DIR": "/nonexistent", **environment},
        capture_output=True,
        text=True,
    )


def show(expression: str, **environment: str) -> str:
    done = load(expression, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refusal(**environment: str) -> str:
    done = load(**environment)
    assert done.returncode, f"it started: {environment}"
    return done.stderr.strip().splitlines()[-1]


def variables_read() -> set[str]:
    """Return the names that settings.py asks `config.environment` for."""
    calls = [node for node in ast.walk(ast.parse((PROJECT / "config/settings.py").read_text())) if isinstance(node, ast.Call)]
    asked = [call for call in calls if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "env"]
    return {call.args[0].value for call in asked if call.args and isinstance(call.args[0], ast.Constant)}


def test_every_variable_read_stands_in_the_example_and_the_other_way_round() -> None:
    assert len(variables_read()) > 60
    assert set(dotenv_values(PROJECT / ".env.example")) == variables_read()


def test_the_example_names_the_defaults() -> None:
    every_setting = "{n: repr(v) for n, v in sorted(vars(s).items()) if n.isupper() and n != 'LOGGING'}"
    example = {name: value or "" for name, value in dotenv_values(PROJECT / ".env.example").items() if name != "VAR_DIR"}
    assert show(every_setting, **example) == show(every_setting)


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
    message = refusal(**{name: value})
    assert "ImproperlyConfigured" in message
    assert name in message


def test_a_refused_database_address_does_not_show_its_password() -> None:
    assert "hunter2" not in load(DATABASE_URL="mysql://me:hunter2@there/books").stderr


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
    ],
)
def test_production_refuses_what_is_unsafe(change: dict[str, str], named: str) -> None:
    assert named in refusal(**SAFE_PRODUCTION | change)


def test_production_starts_when_all_is_safe_and_hardens_what_it_serves() -> None:
    hardened = "[s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS, s.LOG_FORMAT]"
    assert show(hardened, **SAFE_PRODUCTION) == "[True, True, True, 31536000, 'json']"


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
    ("name", "shown"),
    [
        ("SECRET_KEY", "s.SECRET_KEY"),
        ("GOOGLE_BOOKS_KEY", "s.GOOGLE_BOOKS_KEY"),
        ("STORAGE_SECRET", "s.STORAGE_SECRET"),
        ("DATABASE_URL", "s.DATABASES['default']['PASSWORD']"),
        ("REDIS_URL", "s.REDIS_URL"),
        ("EMAIL_URL", "s.EMAIL_HOST_PASSWORD"),
    ],
)
def test_every_secret_may_come_from_a_file_and_is_redacted(name: str, shown: str, tmp_path: Path) -> None:
    values = {
        "DATABASE_URL": ("postgresql://me:hunter2@there/books", "hunter2"),
        "REDIS_URL": ("redis://:hunter2@there:6379/0", "redis://:hunter2@there:6379/0"),
        "EMAIL_URL": ("smtp+tls://me:hunter2@there:587", "hunter2"),
    }
    written, read = values.get(name, ("$hunter2", "$hunter2"))
    secret = tmp_path / "secret"
    secret.write_text(written + "\n")
    assert show(shown, **{f"{name}_FILE": str(secret)}) == read
    assert show("any('hunter2' in secret for secret in s.SECRETS)", **{f"{name}_FILE": str(secret)}) == "True"


def test_tls_to_the_database_is_a_setting() -> None:
    options = show(
        "s.DATABASES['default']['OPTIONS']",
        DATABASE_URL="postgresql://me@there/books",
        DATABASE_SSLMODE="verify-full",
        DATABASE_CA="/etc/ca.pem",
    )
    assert "'sslmode': 'verify-full', 'sslrootcert': '/etc/ca.pem'" in options


def test_tls_to_the_broker_verifies_its_certificate_everywhere() -> None:
    environment = {"REDIS_URL": "rediss://there:6380/0", "REDIS_CA": "/etc/ca.pem"}
    wanted = "{'ssl_cert_reqs': <VerifyMode.CERT_REQUIRED: 2>, 'ssl_ca_certs': '/etc/ca.pem'}"
    assert show("s.CELERY_BROKER_USE_SSL", **environment) == wanted
    assert show("s.CELERY_REDIS_BACKEND_USE_SSL", **environment) == wanted
    assert show("s.CACHES['default']['OPTIONS']['ssl_ca_certs']", **environment) == "/etc/ca.pem"
    assert show("s.CHANNEL_LAYERS['default']['CONFIG']['hosts'][0]['ssl_ca_certs']", **environment) == "/etc/ca.pem"
    assert show("s.CACHES['default']['LOCATION']", **environment) == "rediss://there:6380/2"


def test_a_unix_socket_is_spelled_as_each_client_wants_it() -> None:
    urls = "[s.CELERY_BROKER_URL, s.CACHES['default']['LOCATION'], s.CHANNEL_LAYERS['default']['CONFIG']['hosts'][0]['address']]"
    assert show(urls, REDIS_URL="unix:///tmp/b/v.sock") == (
        "['redis+socket:///tmp/b/v.sock?virtual_host=0', 'unix:///tmp/b/v.sock?db=2', 'unix:///tmp/b/v.sock?db=3']"
    )


def test_commands_in_another_terminal_join_a_running_stack(tmp_path: Path) -> None:
    (tmp_path / "stack.env").write_text("REDIS_URL=unix:///tmp/b/v.sock\nSANDBOX_URL=http://127.0.0.1:4711\n")
    joined = "[s.REDIS_URL, s.SANDBOX_URL, s.REDIS_URL_GIVEN]"
    assert show(joined, VAR_DIR=str(tmp_path)) == "['unix:///tmp/b/v.sock', 'http://127.0.0.1:4711', '']"
    assert show(joined, VAR_DIR=str(tmp_path), REDIS_URL="redis://mine").startswith("['redis://mine'")


def test_all_processes_together_stay_below_the_databases_connections() -> None:
    """Web, three workers, beat and two sweepers, each with a pool of its own, on PostgreSQL's default of 100."""
    assert 7 * int(show("s.DATABASES['default']['OPTIONS']['pool']['max_size']", DATABASE_URL="postgresql://me@there/books")) < 100
