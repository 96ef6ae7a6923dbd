"""Messages that come too early, too often, or not at all."""

from __future__ import annotations

import random
import time
import uuid

from tests.chaos.stack import Stack
from tests.chaos.trial import Trial
from tests.chaos.uploads import Accepted
from tests.chaos.verdict import Line, at_most, judge, none

ALL = ("enrichment-1", "enrichment-2", "imports", "sweeper-1", "sweeper-2")
UPLOADER = "upload"
COPIES = 20
ENDINGS = ("enrichment.tasks.finish_import", "enrichment.tasks.finish_chunk")
SWEEP_SECONDS = 2


def slow_commit(trial: Trial) -> list[Line]:
    """Upload in a transaction that stays open for a while, with no sweeper to make up for a message that came too early."""
    with trial.stack("enrichment-1", "imports") as stack:
        accepted = [_upload_from_a_part(trial, stack, rows=10, seconds=3)]
        trial.wait_for_end(accepted, 20)
    return judge(accepted)


def deliveries(trial: Trial) -> list[Line]:
    """Deliver every message of some imports 20 times, from the upload's own on."""
    copied = {name: {"bells": {"copies": COPIES}} for name in (*ALL, UPLOADER)}
    with trial.stack(*ALL, tampering=copied) as stack:
        trial.ground.sandbox.settings(latency=0.1)
        accepted = [_upload_from_a_part(trial, stack, rows=40 if trial.long else 20, seconds=0) for _ in range(3)]
        trial.wait_for_end(accepted, 30)
        time.sleep(2)
    return [*judge(accepted), _attempts_beyond_one(accepted)]


def _upload_from_a_part(trial: Trial, stack: Stack, *, rows: int, seconds: float) -> Accepted:
    """Upload from a process of the stack, which what was planted or tampered with applies to; it commits after so many seconds."""
    path = trial.library.write(rows)
    (trial.ground.folder / f"{UPLOADER}.log").unlink(missing_ok=True)
    log = stack.start(UPLOADER, ("slow upload", str(path), "ada", str(seconds)))
    trial.wait_until(lambda: log.exists() and log.read_text().endswith("\n"), 20)
    return Accepted(uuid.UUID(log.read_text().strip().splitlines()[-1]), rows)


def _attempts_beyond_one(accepted: list[Accepted]) -> Line:
    from enrichment.models import ImportRow

    rows = ImportRow.objects.filter(library_import_id__in=[one.id for one in accepted]).exclude(attempts=1)
    return none("rows with more than one attempt", rows.values_list("pk", "attempts"))


def lost_bells(trial: Trial) -> list[Line]:
    """Drop whatever workers send to finish anything; what the sweeper sends arrives."""
    dropped = {name: {"bells": {"dropped": ENDINGS}} for name in ALL if not name.startswith("sweeper")}
    with trial.stack(*ALL, tampering=dropped, SWEEP_SECONDS=SWEEP_SECONDS) as stack:
        accepted = [trial.upload(3) for _ in range(100 if trial.long else 20)]
        trial.wait_for_end(accepted, 60 if trial.long else 25)
        stack.revive()
    return [*judge(accepted), at_most("seconds from the last row to the end", _longest_end(accepted), SWEEP_SECONDS + 5, " s")]


def _longest_end(accepted: list[Accepted]) -> float:
    from django.db.models import Max

    from enrichment.models import LibraryImport

    ends = LibraryImport.objects.filter(pk__in=[one.id for one in accepted]).annotate(last=Max("rows__ended_at"))
    return max(((end - last).total_seconds() for end, last in ends.values_list("ended_at", "last") if end and last), default=0.0)


def flushes(trial: Trial) -> list[Line]:
    """Wipe Redis at a random moment of each of some imports."""
    chance = random.Random(5)
    times = 50 if trial.long else 5
    accepted = []
    with trial.stack(*ALL):
        trial.ground.sandbox.settings(latency=0.1)
        for _ in range(times):
            accepted.append(trial.upload(30))
            time.sleep(chance.uniform(0, 3))
            trial.ground.flush_valkey()
        trial.wait_for_end(accepted, 60)
    return [*judge(accepted), at_most("seconds of the slowest import", _slowest(accepted), 60, " s", f"{times} FLUSHALLs")]


def _slowest(accepted: list[Accepted]) -> float:
    from enrichment.models import LibraryImport

    ended = LibraryImport.objects.filter(pk__in=[one.id for one in accepted], ended_at__isnull=False)
    return max(((end - begin).total_seconds() for begin, end in ended.values_list("created_at", "ended_at")), default=0.0)
