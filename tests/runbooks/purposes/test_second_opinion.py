"""Second opinion: beside the computed one, from kept evidence."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError

from bookops.clock import database_now
from bookops.purposes import purpose_named
from runbooks.evaluating import rescore
from runbooks.models import EvalRunbook, RunbookVersion
from runbooks.purposes.second_opinion import Opinion
from tests.runbooks.evaluated import make_comparable, make_runbook

pytestmark = pytest.mark.django_db

second_opinion = purpose_named("second_opinion")
SOURCE = "job:1"


def says(recommendation: str = "PASS", reasoning: str = "Rebacked.") -> Opinion:
    return Opinion.model_validate_json(json.dumps({"recommendation": recommendation, "reasoning": reasoning, "confidence": 0.8}))


def applied(runbook: EvalRunbook, answer: Opinion, source: str = SOURCE):
    """Return what was written of an opinion; the runbook is read again."""
    changes = second_opinion.changes(runbook, answer, "J")
    [came] = second_opinion.apply([(runbook, changes)], source, database_now())
    runbook.refresh_from_db()
    return came.changes


def test_an_opinion_stands_beside_the_computed_one():
    runbook = make_runbook()
    computed = (runbook.recommendation_tier, runbook.combined_score, runbook.decision)

    applied(runbook, says())

    assert (runbook.napoleon_recommendation, runbook.napoleon_reasoning) == ("PASS", "Rebacked.")
    assert runbook.napoleon_analyzed_at is not None
    assert runbook.provenance["napoleon_recommendation"]["source"] == SOURCE
    assert (runbook.recommendation_tier, runbook.combined_score, runbook.decision) == computed


def test_it_makes_a_version_of_its_own():
    runbook = make_runbook()
    before = runbook.version

    applied(runbook, says())

    assert runbook.version == before + 1
    version = RunbookVersion.objects.get(runbook=runbook, number=runbook.version)
    assert (version.cause, version.document["napoleon_recommendation"]) == ("second_opinion", "PASS")


def test_the_same_opinion_again_is_no_change():
    runbook = make_runbook()
    applied(runbook, says())

    assert second_opinion.changes(runbook, says(), "J") == {}


def test_it_is_put_back_as_if_it_had_never_been_asked():
    runbook = make_runbook()
    written = applied(runbook, says())

    second_opinion.undo([(runbook, written)], SOURCE, database_now())

    runbook.refresh_from_db()
    assert (runbook.napoleon_recommendation, runbook.napoleon_reasoning, runbook.napoleon_analyzed_at) == ("", "", None)
    assert runbook.provenance == {}


def test_of_two_opinions_the_earlier_comes_back_with_its_date():
    runbook = make_runbook()
    applied(runbook, says("BUY", "Cheap."))
    first_at = runbook.napoleon_analyzed_at
    written = applied(runbook, says(), "job:2")

    second_opinion.undo([(runbook, written)], "job:2", database_now())

    runbook.refresh_from_db()
    assert (runbook.napoleon_recommendation, runbook.napoleon_analyzed_at) == ("BUY", first_at)


def test_an_opinion_that_another_one_has_replaced_is_not_put_back():
    runbook = make_runbook()
    written = applied(runbook, says("BUY", "Cheap."))
    applied(runbook, says(), "job:2")

    second_opinion.undo([(runbook, written)], SOURCE, database_now())

    runbook.refresh_from_db()
    assert runbook.napoleon_recommendation == "PASS"


def test_scoring_again_makes_an_opinion_on_the_old_evidence_stale_and_keeps_the_one_there_is():
    runbook = make_runbook()
    asked_at = second_opinion.version_of(runbook)
    applied(runbook, says())

    make_comparable(runbook, 900)
    rescore(runbook, cause="comparables")

    runbook.refresh_from_db()
    assert second_opinion.version_of(runbook) > asked_at
    assert runbook.napoleon_recommendation == "PASS"


def test_the_model_is_told_the_kept_evidence():
    runbook = make_runbook(asking=275)
    make_comparable(runbook, 900, title="The Moonstone, first edition")
    make_comparable(runbook, 5, title="A tea towel", excluded=True)
    runbook.condition_negatives = [{"text": "Rebacked", "images": []}]
    runbook.save()

    [values] = second_opinion.variables(list(second_opinion.targets(runbook.owner_id)))

    assert set(values) == set(second_opinion.declared)
    assert (values["title"], values["asking"]) == ("The Moonstone", "$275.00")
    assert "Bad: Rebacked" in values["findings"]
    assert "The Moonstone, first edition" in values["comparables"]
    assert "tea towel" not in values["comparables"]


def test_many_are_told_in_a_few_queries(django_assert_max_num_queries):
    owner = make_runbook().owner
    for _ in range(5):
        make_runbook(owner)

    with django_assert_max_num_queries(2):
        assert len(second_opinion.variables(list(second_opinion.targets(owner.pk)))) == 6


def test_runbooks_are_chosen_by_filters_and_owner():
    runbook = make_runbook()
    make_runbook()
    targets = second_opinion.targets(runbook.owner_id)

    assert list(targets) == [runbook]
    assert list(second_opinion.filtered(targets, {"without_opinion": True, "tier": runbook.recommendation_tier})) == [runbook]
    assert not second_opinion.filtered(targets, {"asking_from": "300"}).exists()
    with pytest.raises(ValueError, match="Unknown filter owner"):
        second_opinion.filtered(targets, {"owner": 1})
    with pytest.raises(ValueError, match="asking_from cannot be 'much'"):
        second_opinion.filtered(targets, {"asking_from": "much"})


def test_two_models_agree_by_what_they_recommend():
    assert second_opinion.gist(says("BUY", "One")) == second_opinion.gist(says("BUY", "Two")) != second_opinion.gist(says("PASS"))


@pytest.mark.parametrize(("name", "value"), [("napoleon_recommendation", "MAYBE"), ("napoleon_reasoning", ""), ("decision", "BUY")])
def test_a_person_corrects_it_within_bounds(name, value):
    with pytest.raises(ValidationError):
        second_opinion.by_hand(make_runbook(), name, value)
