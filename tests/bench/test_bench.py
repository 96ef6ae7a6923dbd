"""The bench itself: that it measures and prints. What it measures is nobody's test: this machine may be busy."""

from __future__ import annotations

from importlib import import_module

import pytest

from llmjobs.doors import standing_in
from tests.bench.evaluating import Asked
from tests.bench.figures import Figure, Report, Table, p95
from tests.bench.libraries import books, isbn13, read, write
from tests.bench.measurements import IN_SHORT, MEASUREMENTS, MeasurementFailed, measure_alone
from tests.bench.printing import as_markdown, header, table
from tests.bench.seed_poller import SeedPoller
from tests.llmjobs.factories import items_of
from tests.llmjobs.results import Responses, make_sent_job


@pytest.mark.parametrize(
    ("sense", "met"),
    [("at most", [True, True, False]), ("below", [True, False, False]), ("at least", [False, True, True]), ("above", [False, False, True])],
)
def test_a_bound_is_met_on_its_own_side_only(sense, met):
    assert [Figure("x", value, bound=2.0, sense=sense).is_met for value in (1.0, 2.0, 3.0)] == met


def test_a_figure_without_a_bound_is_neither_met_nor_missed():
    assert Figure("x", 1.0).is_met is None
    assert Figure("x", 1.0).ratio is None


def test_a_bound_of_nothing_is_held_without_a_ratio():
    assert Figure("calls", 0, bound=0).is_met is True
    assert Figure("calls", 1, bound=0).is_met is False
    assert Figure("calls", 1, bound=0).ratio is None


def test_a_missed_bound_is_printed_as_missed():
    report = Report("Speed", figures=[Figure("upload", 400.0, "ms", 300.0)], peaks={"web": 123_000_000})
    text = as_markdown(report)
    assert "| upload | 400 ms" in text
    assert "≤ 300 ms" in text
    assert "1.33" in text
    assert "**not met**" in text
    assert "web 123" in text


def test_a_report_survives_the_way_between_processes(tmp_path):
    report = Report("Speed", ["how"], [Figure("upload", 1.5, "s", 2.0, "below", "so")], [Table(["a"], [["b"]])], {"web": 1})
    report.save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json") == report


def test_p95_leaves_one_in_twenty_above():
    assert p95([float(number) for number in range(1, 102)]) == 96.0
    assert p95([3.0]) == 3.0


def test_bars_in_cells_do_not_break_a_table():
    assert "a \\| b" in table(["name"], [["a | b"]])


def test_the_header_names_machine_date_and_versions():
    text = header()
    assert "cores" in text
    assert "UTC" in text
    assert "Django 5.2" in text


def test_made_up_books_are_the_same_each_time_and_never_twice(tmp_path):
    first = list(books(500))
    assert first == list(books(500))
    assert len({book["Title"] for book in first}) == 500
    assert read(write(tmp_path / "library.csv", first))[0]["Title"] == first[0]["Title"]
    assert isbn13(14_032_872) == "9780140328721"


def test_every_measurement_can_be_found():
    for module, _ in MEASUREMENTS.values():
        assert callable(import_module(f"tests.bench.{module}").measure)
    assert set(IN_SHORT) <= set(MEASUREMENTS)


ASKED = Asked(items=2, searches=1, photos=9, rounds_of_photos=2, readings=1, offers=3)
EACH_A_SECOND = {"ebay": 1.0, "ebayimg": 1.0, "anthropic": 2.0, "abebooks": 1.0}


def test_the_branches_of_an_analysis_count_by_the_slowest_of_them():
    assert ASKED.critical_path(EACH_A_SECOND) == 2 + 2 + 3


def test_a_thread_waits_for_every_branch():
    assert ASKED.thread_seconds(EACH_A_SECOND) == 2 + 2 + 2 + 1 + 3


@pytest.mark.django_db
def test_the_first_designs_poller_stays_with_the_first_fifty_of_a_job():
    job = make_sent_job(60)
    first = {item.pk for item in items_of(job)[:50]}
    poller, provider = SeedPoller(), Responses()
    with standing_in(provider):
        poller.tick()
        poller.tick()
        assert poller.seen == first
        provider.answer_all(job)
        poller.tick()
        poller.tick()
        assert len(poller.seen) == 60


@pytest.mark.flow
def test_a_short_measurement_starts_real_workers_and_reports_every_process():
    report = measure_alone("rivals", short=True)
    assert [figure.what for figure in report.figures] == ["Celery chord, 40 rows", "asyncio loop, 40 rows"]
    assert all(figure.value > 0 for figure in report.figures)
    assert all("80 calls" in figure.remark for figure in report.figures)


@pytest.mark.flow
@pytest.mark.parametrize(
    ("name", "figures"),
    [
        pytest.param(
            "evaluations",
            ["single-banner, 1 photos", "calls to eBay for a search of comparables, most", "processor time of a photo"],
            marks=pytest.mark.chaos,
        ),
        pytest.param(
            "poller",
            ["seed 004's poller: items seen after 1 tick", "ticks until each item was seen", "detection lag, p95"],
            marks=pytest.mark.chaos,
        ),
        pytest.param(
            "batch-results",
            ["POST /api/llm-jobs, slowest", "rendered", "applied a second", "a tick with nothing to do, p95"],
            marks=pytest.mark.chaos,
        ),
    ],
)
def test_evaluations_and_jobs_are_measured_in_short(name, figures):
    report = measure_alone(name, short=True)
    found = {figure.what: figure.value for figure in report.figures}
    assert set(figures) <= set(found)
    assert all(found[figure] > 0 for figure in figures)


@pytest.mark.flow
def test_a_measurement_that_breaks_says_why(monkeypatch):
    monkeypatch.setitem(MEASUREMENTS, "nothing", ("nothing", {}))
    with pytest.raises(MeasurementFailed, match="nothing"):
        measure_alone("nothing", short=True)
