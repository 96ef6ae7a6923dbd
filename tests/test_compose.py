"""docker-compose.yml publishes, grants and hands out no more than it must."""

from pathlib import Path
from typing import Any

import pytest
import yaml

COMPOSE: dict[str, Any] = yaml.safe_load((Path(__file__).parent.parent / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "bookops"]
ONE_SHOT = {"migrate", "bucket"}


def test_only_web_and_flower_are_published_and_on_loopback_only() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(ports) == {"web", "flower"}
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


def test_only_workers_reach_the_outside() -> None:
    assert COMPOSE["networks"]["back"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "out" in service["networks"]} == {"worker-enrichment", "worker-short"}


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
    assert set(SERVICES[name].get("secrets", [])) <= set(COMPOSE["secrets"])
    assert not [variable for variable in environment if variable.endswith(("_KEY", "SECRET", "PASSWORD", "DATABASE_URL", "REDIS_URL"))]


def test_every_queue_has_a_worker() -> None:
    """The same queues as `make run` has workers for."""
    from bookops.stack.parts import SHORT_QUEUES

    served = {
        queue
        for service in SERVICES.values()
        if "-Q" in str(service.get("command"))
        for queue in service["command"].split("-Q ")[1].split()[0].split(",")
    }
    assert served == {"enrichment", *SHORT_QUEUES.split(",")}
