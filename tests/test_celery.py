"""What a worker does once it is ready."""

from __future__ import annotations

import gc

from celery import signals
from celery.backends.base import DisabledBackend
from kombu import Connection

from config import celery
from runbooks.tasks import advance_execution


def test_a_worker_collects_garbage_only_of_what_was_made_since_it_was_ready() -> None:
    assert celery.keep_what_was_loaded_out_of_collections in [receiver() for _, receiver in signals.worker_ready.receivers]

    celery.keep_what_was_loaded_out_of_collections()
    try:
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()


def test_who_sends_a_task_opens_no_backend_for_its_result() -> None:
    sent = advance_execution.apply_async(("an id",), connection=Connection("memory://"))
    assert (bool(sent.id), type(sent.backend)) == (True, DisabledBackend)
