"""The bench itself: that it measures and prints. What it measures is nobody's test: this machine may be busy."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.bench.figures import Figure, Report, Table, p95
from tests.bench.libraries import books, isbn13, read, write
from tests.bench.measurements import IN_SHORT, MEASUREMENTS, MeasurementFailed, measure_alone
from tests.bench.printing import as_markdown, header, table


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


@pytest.mark.flow
def test_a_short_measurement_starts_real_workers_and_reports_every_process():
    report = measure_alone("rivals", short=True)
    assert [figure.what for figure in report.figures] == ["Celery chord, 40 rows", "asyncio loop, 40 rows"]
    assert all(figure.value > 0 for figure in report.figures)
    assert all("80 calls" in figure.remark for figure in report.figures)


@pytest.mark.flow
def test_a_measurement_that_breaks_says_why(monkeypatch):
    monkeypatch.setitem(MEASUREMENTS, "nothing", ("nothing", {}))
    with pytest.raises(MeasurementFailed, match="nothing"):
        measure_alone("nothing", short=True)
