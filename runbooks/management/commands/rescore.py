"""Score runbooks again on kept evidence."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bookops.asked_wrongly import user_named
from runbooks.rescoring import Rescore, rescore_all

#: Runbooks between two words on how far it is.
_OFTEN = 500


class Command(BaseCommand):
    help = "Score runbooks again by today's rules on kept evidence, without a call, and tell which recommendations flip."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--owner", help="only the runbooks of this user")
        parser.add_argument("--dry-run", action="store_true", help="change nothing")
        parser.add_argument("--look-up", action="store_true", help="look up reference data and holdings anew for what is still evaluated")
        parser.add_argument("--after", type=int, default=0, metavar="N", help="go on after the runbook that an interrupted run named last")
        parser.add_argument("--json", action="store_true", help="print one JSON object with the flips")

    def handle(self, *, owner: str | None, dry_run: bool, look_up: bool, after: int, **options: Any) -> None:
        user = user_named(owner) if owner else None
        flips: list[Rescore] = []
        scored = changed = 0
        last = after
        try:
            for one in rescore_all(user, after=after, dry_run=dry_run, look_up_again=look_up):
                scored, changed, last = scored + 1, changed + one.is_changed, one.pk
                if one.flips:
                    flips.append(one)
                    if not options["json"]:
                        self.stdout.write(_line(one))
                if scored % _OFTEN == 0:
                    self.stderr.write(f"{scored} scored, the last was {last}")
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted. Go on with --after {last}", returncode=130) from None
        if options["json"]:
            told = {"scored": scored, "changed": changed, "flips": [asdict(one) for one in flips], "last": last, "dry_run": dry_run}
            self.stdout.write(json.dumps(told))
            return
        done = "would change" if dry_run else "changed"
        self.stdout.write(f"{scored} scored, {changed} {done}, {len(flips)} recommendations flip.")


def _line(one: Rescore) -> str:
    before, after = one.before, one.after
    return f"{one.title}: {before.tier} {before.combined_score} → {after.tier} {after.combined_score}, {before.recommendation} → {after.recommendation}"
