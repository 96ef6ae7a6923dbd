from datetime import date
from decimal import Decimal

import pytest
from django.core.management import call_command

from bookops.language_models import LanguageModel, ModelPrice, Tier, UnknownModel, Usage, limit_on, model_on, price_on

DAY = date(2026, 11, 22)


def price(**changes) -> ModelPrice:
    values = {"input": 2, "output": 10, "cached_input": "0.2", "cache_write": "2.5"} | changes
    return ModelPrice(**{name: value if name == "long_above" else Decimal(str(value)) for name, value in values.items()})


def test_a_token_costs_as_many_microdollars_as_a_million_costs_dollars():
    assert price().cost(Usage(input_tokens=1000, output_tokens=100)) == 3000


def test_cached_and_written_tokens_have_their_own_price():
    assert price().cost(Usage(input_tokens=1000, cached_tokens=500, cache_write_tokens=100)) == 400 * 2 + 100 + 250


@pytest.mark.parametrize(("tier", "cost"), [(Tier.BATCH, 1500), (Tier.FLEX, 1500), (Tier.PRIORITY, 6000), (Tier.STANDARD, 3000)])
def test_a_tier_has_its_factor(tier, cost):
    assert price().cost(Usage(input_tokens=1000, output_tokens=100), tier) == cost


def test_a_long_request_costs_more_throughout():
    long = price(long_above=1000, long_input_factor=2, long_output_factor="1.5")
    assert long.cost(Usage(input_tokens=1001, output_tokens=10)) == 1001 * 4 + 150
    assert long.cost(Usage(input_tokens=1000, output_tokens=10)) == 2100


def test_a_fraction_of_a_microdollar_is_rounded_up():
    assert price(input="0.05").cost(Usage(input_tokens=1)) == 1


@pytest.mark.django_db
class TestLoadedModels:
    @pytest.fixture(autouse=True)
    def _loaded(self):
        call_command("load_models", verbosity=0)

    def test_loading_twice_changes_nothing(self):
        before = LanguageModel.objects.count(), ModelPrice.objects.count()
        call_command("load_models", verbosity=0)
        assert (LanguageModel.objects.count(), ModelPrice.objects.count()) == before

    def test_what_staff_wrote_stays_unless_told(self):
        ModelPrice.objects.filter(model__name="claude-sonnet-5-5").update(input=3)
        call_command("load_models", verbosity=0)
        assert ModelPrice.objects.get(model__name="claude-sonnet-5-5").input == 3
        call_command("load_models", "--overwrite", verbosity=0)
        assert ModelPrice.objects.get(model__name="claude-sonnet-5-5").input == 2

    def test_a_price_holds_from_its_day_on(self):
        model = model_on(DAY, "anthropic", "claude-sonnet-5-5")
        ModelPrice.objects.create(model=model, from_day=date(2027, 1, 1), input=1, output=5, cached_input=0, cache_write=0)
        assert price_on(DAY, model).input == 2
        assert price_on(date(2027, 1, 1), model).input == 1

    def test_a_retired_model_names_its_successor(self):
        with pytest.raises(UnknownModel, match=r"gpt-6\.1-terra"):
            model_on(DAY, "openai", "o4-mini")

    def test_a_model_is_asked_until_the_day_it_retires(self):
        assert model_on(date(2026, 11, 29), "anthropic", "claude-sonnet-4-5")
        with pytest.raises(UnknownModel, match="claude-sonnet-5-5"):
            model_on(date(2026, 11, 30), "anthropic", "claude-sonnet-4-5")

    def test_a_model_nobody_knows_says_how_to_add_it(self):
        with pytest.raises(UnknownModel, match="load_models"):
            model_on(DAY, "openai", "gpt-99")

    def test_a_model_without_limits_has_none(self):
        model = LanguageModel.objects.create(provider="openai", name="home-made")
        assert limit_on(DAY, model).enqueued_tokens is None
        with pytest.raises(UnknownModel, match="price"):
            price_on(DAY, model)
