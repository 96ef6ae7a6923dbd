"""Do one tick of the poller."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from llmjobs.polling import tick

_FIGURES = ("seconds", "jobs_polled", "items_polled", "items_updated", "jobs_resolved", "errors", "throttled", "unmapped", "cut_short")


class Command(BaseCommand):
    help = "Ask the providers now what has become of what LLM jobs sent, and print the tick's figures as JSON."

    def handle(self, **_: Any) -> None:
        done = tick()
        if done is None:
            raise CommandError("Another poller is at a tick. It asks for the same.")
        self.stdout.write(json.dumps({name: getattr(done, name) for name in _FIGURES}))
