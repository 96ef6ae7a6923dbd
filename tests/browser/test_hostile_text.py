"""Hostile text in every field of every page: no script of it runs, and no page asks for anything outside."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import reverse

from bookops.books import Book
from bookops.clock import database_now
from bookops.runs import State
from bookops.source_health import SourceHealth
from enrichment.formats.records import FORBIDDEN
from enrichment.matching import Candidate, Compared
from enrichment.models import EditionRecord, ImportRow, LibraryImport, RowAttempt, SubjectCount
from tests.factories import make_entry, make_facts, make_import, make_row
from tests.shared_data import shared_path

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.shared, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

#: Each row's page shows its share of all strings; fewer rows would only make the pages longer.
ROWS = 30
#: What scripts in the strings would call or set, and what marks of theirs would be left in a page.
FOREIGN_MARKUP = """() => [...document.querySelectorAll(".desk *, #result_list *, #content-main *")].filter(one =>
    one.matches("script:not([src^='/static/']):not([src^='/admin/']):not([type='application/json']), iframe, object, embed, svg[onload], base, meta, style")
    || [...one.attributes].some(attribute => /^on/i.test(attribute.name))
    || /^\\s*(javascript|data|vbscript):/i.test(one.getAttribute("href") || one.getAttribute("src") || "")
).map(one => one.outerHTML.slice(0, 200))"""


def hostile_strings() -> list[str]:
    """Return every string that could reach a field: not empty, and of characters that the readers let in."""
    strings = json.loads(shared_path("data", "hostile", "strings", "blns.json").read_text())
    for name in ("BRUTELOGIC-XSS-STRINGS.txt", "JHADDIX_XSS.txt"):
        strings += shared_path("data", "hostile", "xss", name).read_text(errors="replace").splitlines()
    return [cleaned for string in strings if (cleaned := FORBIDDEN.sub("", string).strip())]


def fill(strings: Sequence[str], owner: Any) -> list[ImportRow]:
    """Store an import whose every field is hostile and rows that share out the strings among them."""
    endless = itertools.cycle(strings)
    library_import = make_import(owner, filename=strings[-1][:255], detail=strings[-2][:500], reason=strings[-3][:40], rows_read=ROWS)
    for string in strings[::20]:
        library_import.record(string[:40], **{string[:60] or "x": string})
    SourceHealth.objects.create(name="open_library", last_error=strings[-4][:200], last_error_at=database_now())
    return [_fill_row(library_import, number, strings[number - 1 :: ROWS], endless) for number in range(1, ROWS + 1)]


def _fill_row(library_import: LibraryImport, number: int, share: Sequence[str], endless: Any) -> ImportRow:
    title, author, publisher, review = (next(endless) for _ in range(4))
    now = database_now()
    facts = make_facts(title, author, key=share[0][:100], publisher=publisher[:200], subjects=tuple(share))
    compared = tuple(Compared("title", ours, theirs, 0.5) for ours, theirs in itertools.pairwise(share))
    entry = make_entry(number, title=title[:1000], author=author[:500], publisher=publisher, my_review=" ".join([review, *share]))
    row = make_row(
        library_import,
        entry=entry,
        state=State.FAILED,
        outcome="needs_review",
        reason=share[-1][:40],
        detail=next(endless)[:500],
        column=next(endless)[:100],
        raw={string[:100]: string for string in share},
        candidates=[Candidate(facts, 0.7, compared, publisher).to_json()],
    )
    RowAttempt.objects.create(row=row, number=1, outcome=share[0][:20], reason=share[-1][:40], detail=author[:500], ended_at=now)
    Book.objects.filter(rows=row).update(
        publisher=publisher[:500],
        description=review,
        language=next(endless)[:20],
        genres=[{"name": string, "parent": string, "score": 0.5, "because": [string]} for string in share],
        subjects={"open_library": list(share)},
        provenance={"title": {"source": publisher, "by": author, "at": now.isoformat()}},
        locked=["title"],
    )
    EditionRecord.objects.create(
        source="open_library", question=f"{number} {share[0]}"[:200], answer=[facts.to_json()], fetched_at=now, expires_at=now
    )
    SubjectCount.objects.create(subject=f"{number} {share[0]}"[:200], times=number)
    return row


def addresses_of(rows: Sequence[ImportRow]) -> list[str]:
    """Return every page that shows what was stored, each once."""

    def page(obj: Any) -> str:
        return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])

    models = [LibraryImport, ImportRow, Book, EditionRecord, SubjectCount, SourceHealth]
    lists = [reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in models]
    rows_of_import = f"{lists[1]}?import={rows[0].library_import_id}"
    single = [rows[0].library_import, SourceHealth.objects.get(), EditionRecord.objects.all()[0], SubjectCount.objects.all()[0]]
    events = reverse("admin:bookops_runevent_changelist")
    return [
        reverse("admin:index"),
        *lists,
        rows_of_import,
        events,
        *map(page, single),
        *map(page, rows),
        *(page(row.book) for row in rows[::5]),
    ]


def test_no_script_of_a_string_runs_and_nothing_outside_is_asked_for(browser, live_server, log_in, boss):
    # Without the pages' own content security policy: escaping has to hold alone.
    page = browser.new_context(bypass_csp=True).new_page()
    dialogs: list[str] = []
    outside: list[str] = []

    def note(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    page.on("request", lambda request: outside.append(request.url) if is_outside(request.url, live_server.url) else None)
    strings = hostile_strings()
    assert len(strings) > 600
    log_in(page)
    addresses = addresses_of(fill(strings, boss))
    for address in addresses:
        answer = page.goto(live_server.url + address, wait_until="load")
        assert answer.status == 200, address
        assert page.evaluate(FOREIGN_MARKUP) == [], address
    assert (dialogs, outside) == ([], [])


def test_the_look_for_foreign_markup_finds_some(page):
    page.set_content('<div class="desk"><img src="x" onerror="1"><script>1</script><a href=" javascript:alert(1)">x</a></div>')
    assert len(page.evaluate(FOREIGN_MARKUP)) == 3


def is_outside(address: str, ours: str) -> bool:
    """Say whether a request leaves our own server; what a page holds itself (data:, blob:) does not."""
    return address.split(":")[0] not in ("data", "blob", "about") and urlsplit(address).netloc != urlsplit(ours).netloc
