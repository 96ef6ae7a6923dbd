"""Workers that sleep, die of a row, or come all at once."""

from __future__ import annotations

import signal
import time
import uuid

from tests.chaos.trial import Trial
from tests.chaos.verdict import Line, judge, none

SHORT_LEASE = 5


def sleepers(trial: Trial) -> list[Line]:
    """Freeze a worker in the middle of its rows until another has done them, then let it go on."""
    from enrichment.models import ImportRow

    # A call that outlives the lease: what the frozen worker asked is answered when it wakes.
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.chaos.outliving",
        "LEASE_SECONDS": SHORT_LEASE,
        "SOURCE_DEADLINE_SECONDS": 4,
        "BOOK_DEADLINE": 120,
    }
    with trial.stack("enrichment-1", "imports", "sweeper-1", **settings) as stack:
        accepted = [trial.upload(12)]
        running = ImportRow.objects.filter(library_import_id=accepted[0].id, state="running")
        # Only the questions that go out one by one are slow, so that the rows are held while they are asked.
        trial.ground.sandbox.settings(sources={"googlebooks": {"latency": 2.0}})
        trial.wait_until(lambda: running.count() > 3, 15)
        time.sleep(0.5)
        stack.signal("enrichment-1", signal.SIGSTOP)
        asleep = running.count()
        stack.start("enrichment-2")
        trial.wait_for_end(accepted, 40)
        stack.signal("enrichment-1", signal.SIGCONT)
        time.sleep(6)
    trial.facts["rows whose worker slept"] = asleep
    return [*judge(accepted), Line("rows whose worker slept", asleep, "> 0", asleep > 0)]


def endless_leases(trial: Trial) -> list[Line]:
    """Let a row be held by nobody, with a lease that has no end."""
    from enrichment.models import ImportChunk, ImportRow

    with trial.stack("imports", "sweeper-1") as stack:
        accepted = [trial.upload(8)]
        pending = ImportRow.objects.filter(library_import_id=accepted[0].id, state="pending")
        trial.wait_until(lambda: ImportChunk.objects.filter(library_import_id=accepted[0].id, sent_out=True).exists(), 15)
        held = pending.order_by("pk").values_list("pk", flat=True)[:1]
        ImportRow.objects.filter(pk__in=list(held)).update(state="running", attempts=1, lease_owner=uuid.uuid4(), lease_until=None)
        stack.start("enrichment-1")
        trial.wait_for_end(accepted, 20)
    return judge(accepted)


def many_finishers(trial: Trial) -> list[Line]:
    """Let two workers finish an import from many messages at once, where none had arrived before."""
    from bookops.dispatch import ring
    from enrichment.models import ImportRow
    from enrichment.tasks import finish_import

    tampering = {name: {"bells": {"dropped": ["enrichment.tasks.finish_import"]}} for name in ("enrichment-1", "imports", "imports-2")}
    with trial.stack("enrichment-1", "imports", "imports-2", tampering=tampering):
        accepted = [trial.upload(20)]
        done = ImportRow.objects.filter(library_import_id=accepted[0].id, state="succeeded")
        trial.wait_until(lambda: done.count() == 20, 30)
        time.sleep(2)
        for _ in range(40):
            ring(finish_import, str(accepted[0].id))
        trial.wait_for_end(accepted, 15)
        time.sleep(3)
    return judge(accepted)


def poison(trial: Trial) -> list[Line]:
    """Let one row kill each worker that takes it, then redrive it past a worker that can stand it."""
    from enrichment.imports import redrive
    from enrichment.models import ImportRow, LibraryImport

    rows = 20
    path_rows = trial.library.next_titles(rows)
    title = path_rows[rows // 2]
    tampering = {name: {"poison": {"title": title}} for name in ("enrichment-1", "enrichment-2")}
    parts = ("enrichment-1", "enrichment-2", "imports", "sweeper-1")
    with trial.stack(*parts, tampering=tampering, LEASE_SECONDS=SHORT_LEASE, SOURCE_DEADLINE_SECONDS=4) as stack:
        # So that the other rows are in flight, too, whenever the worker dies.
        trial.ground.sandbox.settings(latency=0.3)
        accepted = [trial.upload(rows)]
        began = time.monotonic()
        while time.monotonic() - began < 90 and trial.wait_for_end(accepted, 0.5) >= 0.5:
            stack.revive()
    trial.facts["seconds until the import ended"] = round(time.monotonic() - began)
    library_import = LibraryImport.objects.get(pk=accepted[0].id)
    row = ImportRow.objects.get(library_import=library_import, title=title)
    others = ImportRow.objects.filter(library_import=library_import).exclude(pk=row.pk).exclude(state="succeeded")
    found = f"{row.state} after {row.attempts} attempts: {row.reason}"
    trial.facts["most leases lost by another row"] = max(
        ImportRow.objects.filter(library_import=library_import).exclude(pk=row.pk).values_list("losses", flat=True)
    )
    lines = [
        Line("the row that kills", found, "dead after 5 attempts: worker_lost", found == "dead after 5 attempts: worker_lost"),
        none("other rows it took along", others.values_list("pk", "state", "attempts")),
        Line("its import", library_import.state, "succeeded", library_import.state == "succeeded"),
    ]
    with trial.stack(*parts):
        redriven = redrive(library_import)
        trial.wait_until(lambda: ImportRow.objects.filter(pk=row.pk, state="succeeded").exists(), 20)
    row.refresh_from_db()
    lines.append(Line("redriven", f"{redriven} row, now {row.state}", "1 row, now succeeded", redriven == 1 and row.state == "succeeded"))
    return lines
