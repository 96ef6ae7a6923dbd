"""Every task goes to a queue that a worker serves, by the routes of the settings."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Task

from bookops.stack.parts import BATCH_QUEUES, EVALUATION_QUEUES, SHORT_QUEUES
from config.celery import app

app.loader.import_default_modules()
OURS = {name: task for name, task in sorted(app.tasks.items()) if not name.startswith("celery.")}


def queue_of(name: str) -> str:
    """Return the queue that a message of this task is put on."""
    return str(app.amqp.router.route({}, name, task_type=app.tasks[name])["queue"].name)


def test_books_have_a_queue_of_their_own() -> None:
    assert [name for name in OURS if queue_of(name) == "enrichment"] == ["enrichment.tasks.enrich_book"]
    assert queue_of("enrichment.tasks.read_library") == queue_of("enrichment.tasks.finish_chunk") == "imports"
    assert queue_of("bookops.sweep") == "default"


@pytest.mark.parametrize("name", OURS)
def test_a_worker_serves_the_queue_of_every_task(name: str) -> None:
    assert queue_of(name) in {"enrichment", *",".join([SHORT_QUEUES, EVALUATION_QUEUES, BATCH_QUEUES]).split(",")}


@pytest.mark.parametrize("task", OURS.values(), ids=OURS)
def test_no_task_names_its_queue_itself(task: Task[..., Any]) -> None:
    """Celery 6.0 ignores such attributes, and 5 warns of each."""
    assert not {"queue", "exchange", "routing_key"} & set(vars(type(task)))
