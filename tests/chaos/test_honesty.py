"""The harness is honest: each fault planted into the shipped code turns its scenario red for the stated reason, and only then."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.chaos import mutants
from tests.chaos.mutants import MUTANTS, DoesNotFit
from tests.servers.product import ROOT

SECONDS = 420

#: The harness has servers of its own and takes minutes: `make chaos` runs these, `make test` does not.
once = pytest.mark.chaos


@pytest.fixture(scope="module")
def red_lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Run each mutant's scenario, as shipped and with the mutant planted, and return the lines that turned red by section."""
    told = tmp_path_factory.mktemp("chaos") / "red.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--honesty", "--json", told], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert told.exists(), done.stdout[-2000:] + done.stderr[-2000:]
    read: dict[str, list[str]] = json.loads(told.read_text())
    return read


@once
@pytest.mark.timeout(SECONDS)
@pytest.mark.xdist_group("chaos")
@pytest.mark.parametrize("name", MUTANTS)
def test_it_turns_red_for_the_stated_reason_where_a_fault_is_planted(name: str, red_lines: dict[str, list[str]]) -> None:
    mutant = MUTANTS[name]

    assert mutant.shows_as in red_lines[f"{mutant.scenario} [{name}]"]


@once
@pytest.mark.timeout(SECONDS)
@pytest.mark.xdist_group("chaos")
@pytest.mark.parametrize("scenario", sorted({mutant.scenario for mutant in MUTANTS.values()}))
def test_it_stays_green_on_the_code_as_shipped(scenario: str, red_lines: dict[str, list[str]]) -> None:
    assert red_lines[scenario] == []


@pytest.mark.parametrize(("name", "module"), [(name, module) for name, mutant in MUTANTS.items() for module in mutant.changes])
def test_a_mutant_fits_the_code_as_shipped_and_changes_it(name: str, module: str) -> None:
    shipped = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()

    planted = mutants.changed(shipped, MUTANTS[name].changes[module])

    assert planted != shipped
    compile(planted, module, "exec")


def test_a_mutant_that_no_longer_fits_is_refused() -> None:
    with pytest.raises(DoesNotFit):
        mutants.changed("a = 1\n", [("b = 2", "b = 3")])


def test_the_product_knows_of_no_mutants() -> None:
    product = [
        path for part in ("bookops", "config", "enrichment", "llmjobs", "runbooks", "sandbox") for path in (ROOT / part).rglob("*.py")
    ]

    assert [path for path in product if mutants.VARIABLE in path.read_text()] == []
