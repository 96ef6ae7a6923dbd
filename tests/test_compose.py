"""docker-compose.yml publishes, grants and hands out no more than it must."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from tests.test_settings import PROJECT, load, logging_as_it_was  # noqa: F401 - an autouse fixture

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "bookops"]
ONE_SHOT = {"migrate", "bucket"}
ROWS = {"secret_key", "database_url", "redis_url"}
STORE = {"storage_key", "storage_secret"}
EVALUATION = {"ebay_client_id", "ebay_client_secret", "anthropic_key"}
#: The keys that third parties know us by, by their setting.
KEYS = {
    "GOOGLE_BOOKS_KEY": "google_books_key",
    "EBAY_CLIENT_SECRET": "ebay_client_secret",
    "ANTHROPIC_KEY": "anthropic_key",
    "OPENAI_KEY": "openai_key",
}
#: What each service uses, and therefore what it is given.
USED = {
    "web": ROWS | STORE | {"metrics_token", "openai_webhook_secret", "ebay_deletion_token"},
    "worker-enrichment": ROWS | {"google_books_key"},
    "worker-short": ROWS | STORE | {"google_books_key", "email_url"},
    "worker-evaluations": ROWS | STORE | EVALUATION,
    "worker-batches": ROWS | STORE | EVALUATION | {"openai_key"},
    "beat": ROWS,
    "sweeper": ROWS,
    "flower": {"secret_key", "redis_url", "flower_auth"},
    "migrate": {"secret_key", "migration_url"},
    "bucket": {"secret_key"} | STORE,
    "postgres": {"owner_password", "app_password"},
    "valkey": {"valkey_password"},
    "minio": STORE,
}
#: What a host sets before its first start, and what its secrets hold.
HOST = {"CONTACT": "books@example.org", "ALLOWED_HOSTS": "books.example.org"}
SECRETS = {
    "secret_key": "k" * 50,
    "database_url": "postgresql://app:a@postgres:5432/bookops",
    "migration_url": "postgresql://owner:o@postgres:5432/bookops",
    "redis_url": "redis://:v@valkey:6379/0",
    "email_url": "",
    "metrics_token": "",
}
SPOOL = "/var/spool/bookops"


def environment_of(name: str, folder: Path, **host: str) -> dict[str, str]:
    """Return what a container's process finds: .env (the whole example, unchanged), then what the compose file sets."""
    set_here = {**HOST, **host}
    found = {variable: value or "" for variable, value in dotenv_values(PROJECT / ".env.example").items()}
    for variable, written in SERVICES[name]["environment"].items():
        value = re.sub(r"\$\{(\w+):[-?]([^}]*)\}", lambda match: set_here.get(match[1]) or match[2], written)
        if variable.endswith("_FILE"):
            secret = Path(value).name
            (folder / secret).write_text(SECRETS.get(secret, secret) + "\n")
            value = str(folder / secret)
        found[variable] = value
    return found


def test_only_web_and_flower_are_published_and_on_loopback_only() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(ports) == {"web", "flower"}
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


def test_only_workers_reach_the_outside() -> None:
    assert COMPOSE["networks"]["back"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "out" in service["networks"]} == {
        name for name in SERVICES if name.startswith("worker-")
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_drops_its_capabilities(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", OURS)
def test_our_own_run_unprivileged_on_a_read_only_image(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["user"] == "10001:10001"


@pytest.mark.parametrize("name", set(SERVICES) - ONE_SHOT)
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_secret_comes_as_a_file_that_the_service_is_given(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    files = {value.rsplit("/", 1)[1] for variable, value in environment.items() if variable.endswith("_FILE")}
    assert files <= set(SERVICES[name].get("secrets", []))
    assert files | {"flower_auth"} >= set(SERVICES[name].get("secrets", [])) or name in {"postgres", "valkey"}
    assert not [variable for variable in environment if variable.endswith(("_KEY", "SECRET", "PASSWORD", "DATABASE_URL", "REDIS_URL"))]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_given_the_secrets_it_uses_and_no_other(name: str) -> None:
    assert set(SERVICES[name].get("secrets", [])) == USED[name]


def test_every_secret_is_one_file_that_neither_git_nor_the_image_takes() -> None:
    assert set(COMPOSE["secrets"]) == set().union(*USED.values())
    assert all(secret == {"file": f"./secrets/{name}"} for name, secret in COMPOSE["secrets"].items())
    assert "secrets/" in (PROJECT / ".gitignore").read_text().split()
    assert {"secrets", ".env"} <= set((PROJECT / ".dockerignore").read_text().split("\n"))


@pytest.mark.parametrize("name", OURS)
def test_our_own_read_an_env_file_where_there_is_one_and_start_with_all_of_it(name: str, tmp_path: Path) -> None:
    assert SERVICES[name]["env_file"] == [{"path": ".env", "required": False}]
    settings = load(**environment_of(name, tmp_path))
    assert (settings["ENVIRONMENT"], settings["SOURCES"], settings["DEBUG"]) == ("production", "live", False)
    # An empty line of .env must not send them to the image's own folder, which is read-only.
    assert (str(settings["VAR_DIR"]), str(settings["STATIC_ROOT"])) == ("/var/lib/bookops", "/app/static")


@pytest.mark.parametrize("name", OURS)
def test_who_reaches_the_outside_has_the_key_and_nobody_else(name: str, tmp_path: Path) -> None:
    settings = load(**environment_of(name, tmp_path))
    for setting, secret in KEYS.items():
        assert bool(settings[setting]) == (secret in USED[name])
    assert any(settings[setting] for setting in KEYS) == ("out" in SERVICES[name]["networks"])


def test_mail_and_the_metrics_token_come_from_files_that_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert load(**environment_of("web", tmp_path / "empty"))["METRICS_TOKEN"] == ""
    written = environment_of("web", tmp_path) | environment_of("worker-short", tmp_path)
    (tmp_path / "metrics_token").write_text("t0ken\n")
    (tmp_path / "email_url").write_text("smtp+tls://me:pass@mail.example.org:587\n")
    settings = load(**written)
    assert (settings["METRICS_TOKEN"], settings["EMAIL_HOST"]) == ("t0ken", "mail.example.org")


@pytest.mark.parametrize(("asked", "threads"), [("", "233"), ("101", "68")])
def test_the_enrichment_workers_share_the_books_in_work(asked: str, threads: str, tmp_path: Path) -> None:
    worker = SERVICES["worker-enrichment"]
    assert worker["deploy"]["replicas"] == 2
    environment = environment_of("worker-enrichment", tmp_path, BOOK_CONCURRENCY=asked)
    counted = re.search(r"-c (\$\(\(.+?\)\)) ", worker["command"].replace("$$", "$"))
    assert counted
    said = subprocess.run(["sh", "-c", f"echo {counted[1]}"], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == threads


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_limit_of_memory(name: str) -> None:
    assert re.fullmatch(r"\d+[mg]", SERVICES[name]["mem_limit"])


@pytest.mark.parametrize("name", OURS)
def test_files_that_pass_through_are_spooled_to_a_disk(name: str) -> None:
    """Whoever has the store takes uploads or writes dashboards; /tmp is memory, and counts against its limit."""
    spools = name != "bucket" and USED[name] >= STORE
    assert SERVICES[name].get("volumes", []) == ([f"spool:{SPOOL}"] if spools else [])
    assert SERVICES[name]["environment"].get("TMPDIR") == (SPOOL if spools else None)
    assert "spool" in COMPOSE["volumes"]
    # A new volume takes its owner from the image.
    assert re.search(rf"install -d -o bookops .*{SPOOL}", (PROJECT / "Dockerfile").read_text())


def test_every_queue_has_a_worker() -> None:
    """The same queues as `make run` has workers for."""
    from bookops.stack.parts import BATCH_QUEUES, EVALUATION_QUEUES, SHORT_QUEUES

    served = {
        queue
        for service in SERVICES.values()
        if "-Q" in str(service.get("command"))
        for queue in service["command"].split("-Q ")[1].split()[0].split(",")
    }
    assert served == {"enrichment", *",".join([SHORT_QUEUES, EVALUATION_QUEUES, BATCH_QUEUES]).split(",")}


def test_whoever_migrates_writes_what_the_tables_begin_with():
    (command,) = [service["command"] for name, service in SERVICES.items() if name == "migrate"]
    commands = re.findall(r"manage\.py (\w+)", command)
    assert commands == ["migrate", "load_models", "load_reference_data", "make_groups"]
    up = (PROJECT / "bookops/management/commands/up.py").read_text()
    assert re.findall(r'call_command\("(\w+)"', up) == commands[1:]
