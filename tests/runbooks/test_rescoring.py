"""History scored again on kept evidence: which recommendations flip, what is written, and where it goes on."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from itertools import islice

import pytest
from django.core.management import CommandError, call_command

from runbooks import rescoring
from runbooks.deciding import Purchase, acquire
from runbooks.evaluating import keep_if_changed
from runbooks.models import AuthorTier, EvalRunbook, Preference, PriceChange, Publisher
from runbooks.rescoring import rescore_all
from tests.factories import make_owner
from tests.network import closed
from tests.runbooks.evaluated import make_copy, make_runbook, make_valued

pytestmark = pytest.mark.django_db


def outdated(runbook: EvalRunbook) -> EvalRunbook:
    """Make a runbook say what other rules would have come to."""
    EvalRunbook.objects.filter(pk=runbook.pk).update(
        recommendation="ACQUIRE", recommendation_tier="STRONG_BUY", total_score=99, scoring_version="2025-01"
    )
    keep_if_changed(runbook, "execution")
    return runbook


def test_it_tells_which_recommendations_flip():
    same, other = make_valued(180, 220), outdated(make_valued(180, 220))
    told = {one.pk: one for one in rescore_all()}
    assert (told[same.pk].flips, told[same.pk].is_changed) == (False, False)
    assert (told[other.pk].flips, told[other.pk].before.tier, told[other.pk].before.recommendation) == (True, "STRONG_BUY", "ACQUIRE")
    other.refresh_from_db()
    assert (told[other.pk].after.tier, other.recommendation_tier) == (same.recommendation_tier, same.recommendation_tier)
    assert other.versions.first().cause == "rescore"


def test_a_dry_run_tells_the_same_and_writes_nothing():
    runbook = outdated(make_valued(180, 220))
    versions = runbook.versions.count()
    (dry,) = rescore_all(dry_run=True)
    runbook.refresh_from_db()
    assert (runbook.recommendation_tier, runbook.versions.count(), runbook.version) == ("STRONG_BUY", versions, versions)
    assert next(iter(rescore_all())) == dry
    assert (dry.flips, dry.is_changed) == (True, True)


def test_price_history_and_decision_stay():
    runbook = make_valued(180, 220, decision="BUY", decision_reason="mine", discount_code="SPRING", negotiated=True)
    PriceChange.objects.create(runbook=runbook, score_before=1, score_after=2)
    outdated(runbook)
    list(rescore_all())
    runbook.refresh_from_db()
    assert (runbook.decision, runbook.discount_code, runbook.negotiated, runbook.price_changes.count()) == ("BUY", "SPRING", True, 1)


def test_it_asks_nobody():
    make_valued(180, 220)
    with closed():
        assert len(list(rescore_all())) == 1


def test_it_goes_on_where_it_was_interrupted(monkeypatch):
    monkeypatch.setattr(rescoring, "CHUNK", 2)
    runbooks = [outdated(make_valued(180, 220)) for _ in range(5)]
    first = list(islice(rescore_all(), 3))
    rest = list(rescore_all(after=first[-1].pk))
    assert [one.pk for one in first + rest] == [one.pk for one in runbooks]
    assert not EvalRunbook.objects.filter(scoring_version="2025-01").exists()


def test_it_scores_one_owners_runbooks_alone():
    mine, other = make_runbook(), make_runbook()
    assert [one.pk for one in rescore_all(mine.owner)] == [mine.pk]
    assert other.versions.count() == 1


def test_looking_up_again_takes_todays_reference_data_and_kept_evidence_does_not():
    runbook = make_runbook()
    Publisher.objects.create(name="Tinsley Brothers", tier=1)
    Preference.objects.create(owner=runbook.owner, kind="author", name="Wilkie Collins")
    AuthorTier.objects.create(owner=runbook.owner, author="Wilkie Collins", tier=1)
    before = runbook.quality_score
    list(rescore_all())
    runbook.refresh_from_db()
    assert runbook.quality_score == before
    list(rescore_all(look_up_again=True))
    runbook.refresh_from_db()
    assert runbook.quality_score > before
    assert runbook.versions.first().cause == "reference"


def test_what_was_bought_keeps_what_was_known_then():
    """Looked up today, a copy bought years ago would be a duplicate of what was bought since."""
    runbook = make_runbook()
    acquire(runbook.copy, Purchase(Decimal(1), date(2024, 5, 31)), by=None)
    make_copy(runbook.owner, status="ON_HAND", purchase_price=1)
    (one,) = rescore_all(look_up_again=True)
    assert not one.is_changed


def test_what_has_no_evidence_is_passed_over():
    EvalRunbook.objects.filter(pk=make_runbook().pk).update(evidence={})
    assert list(rescore_all()) == []


def test_the_command_prints_the_flips_and_where_it_stands(capsys):
    runbook = outdated(make_valued(180, 220))
    call_command("rescore", "--dry-run")
    assert "1 scored, 1 would change, 1 recommendations flip." in capsys.readouterr().out
    call_command("rescore", "--owner", runbook.owner.username, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["scored"], told["changed"], told["last"], told["flips"][0]["before"]["tier"]) == (1, 1, runbook.pk, "STRONG_BUY")
    call_command("rescore", "--after", str(runbook.pk))
    assert "0 scored" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no user"):
        call_command("rescore", "--owner", "nobody")


def test_an_interrupted_command_says_how_to_go_on(monkeypatch):
    runbook = make_valued(180, 220)

    def interrupted(*_: object, **__: object):
        yield from rescore_all()
        raise KeyboardInterrupt

    monkeypatch.setattr("runbooks.management.commands.rescore.rescore_all", interrupted)
    with pytest.raises(CommandError, match=f"--after {runbook.pk}"):
        call_command("rescore")


def test_the_command_loads_reference_data_and_first_wishes(capsys):
    owner = make_owner()
    call_command("load_reference_data", "--owner", owner.username)
    assert "wishes: 2 rows" in capsys.readouterr().out
    assert Publisher.objects.exists()
    with pytest.raises(CommandError, match="no user"):
        call_command("load_reference_data", "--owner", "nobody")
