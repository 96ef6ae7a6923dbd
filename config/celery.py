"""The Celery app; its settings are the CELERY_ ones of config/settings.py."""

import gc
import logging.config
import os
from typing import Any

import structlog
from celery import Celery, Task, signals
from celery.backends.base import DisabledBackend
from celery.result import AsyncResult

from bookops import message_counts  # noqa: F401 - every process that sends or runs tasks counts them
from config import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

broker.use()


class Message(Task):
    """A task whose sender gets a handle that cannot be asked, for results are in rows.

    Celery's own handle opens a Redis backend in each thread that sends, and each request to the site has a thread of its own.
    """

    abstract = True

    def AsyncResult(self, task_id: str, **kwargs: Any) -> AsyncResult[Any]:
        """Return the id of what was sent, as a result that knows nothing."""
        return AsyncResult(task_id, backend=nobody_asks, task_name=self.name, app=self.app, **kwargs)


app = Celery("bookops", task_cls=Message)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
nobody_asks = DisabledBackend(app=app)


@signals.setup_logging.connect
def log_as_the_site_does(**kwargs: Any) -> None:
    """Set up logs from Django's LOGGING; Celery leaves them alone once someone listens."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@signals.task_prerun.connect
def name_the_task_in_logs(task_id: str, task: Task[..., Any], args: Any, **kwargs: Any) -> None:
    """Give every line that a task logs its name and the ids it was called with: row_id, run_id."""
    names = task.run.__code__.co_varnames[: len(args)]
    ids = {"run_id" if name == "import_id" else name: value for name, value in zip(names, args, strict=False)}
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id, **ids)


@signals.worker_ready.connect
def show_that_a_worker_lives(sender: Any, **kwargs: Any) -> None:
    """Let /readyz and the admin see it."""
    from bookops.pulse import keep_beating

    keep_beating("worker", sender.hostname.partition("@")[0])


@signals.worker_ready.connect
def load_what_the_first_task_would_wait_for(sender: Any, **kwargs: Any) -> None:
    """Let the first evaluation be as quick as the second."""
    from runbooks.warming import warm_worker

    warm_worker(sender.app.amqp.queues.consume_from)


@signals.worker_ready.connect
def keep_what_was_loaded_out_of_collections(**kwargs: Any) -> None:
    """Let the garbage collector look at what tasks make, and not each time at all that was imported: a fifth of applying answers."""
    gc.freeze()


@signals.beat_init.connect
def show_that_beat_lives(**kwargs: Any) -> None:
    """Let the health check of beat's container see it."""
    from bookops.pulse import keep_beating

    keep_beating("beat")
