import pytest
from msgspec.structs import astuple, replace

from pi.llm.cost import priced, total_usage
from pi.llm.messages import Cost, Usage
from pi.llm.models import CostTier, Model, ModelCost

TIERS = (
    CostTier(6, 30, 0.6, 7.5, input_tokens_above=200_000),
    CostTier(4, 20, 0.4, 5, input_tokens_above=100_000),
)


def model(cost: ModelCost) -> Model:
    return Model("m", "p", "anthropic-messages", "http://127.0.0.1", cost=cost)


def test_recorded_usage_gets_the_recorded_cost() -> None:
    usage = Usage(500, 40, 1500, 200, 2240, cache_write_1h=0)

    recorded = Cost(0.0015, 0.0006, 0.00045, 0.00075, 0.0033)
    spent = priced(model(ModelCost(3, 15, 0.3, 3.75)), usage)

    assert astuple(spent.cost) == pytest.approx(astuple(recorded), rel=1e-12)
    assert replace(spent, cost=Cost()) == usage


def test_the_whole_request_is_priced_by_the_highest_tier_strictly_below_its_input() -> None:
    cost = ModelCost(3, 15, 0.3, 3.75, tiers=TIERS)

    at_the_edge = priced(model(cost), Usage(input=50_000, cache_read=50_000)).cost
    above = priced(model(cost), Usage(input=50_000, cache_read=50_000, cache_write=1)).cost
    far_above = priced(model(cost), Usage(input=300_000, output=10)).cost

    assert (at_the_edge.input, above.input, far_above.input) == pytest.approx((0.15, 0.2, 1.8))
    assert far_above.output == pytest.approx(0.0003)


def test_writes_that_live_for_an_hour_cost_twice_the_input_rate() -> None:
    cost = priced(
        model(ModelCost(3, 15, 0.3, 3.75)), Usage(cache_write=1_000_000, cache_write_1h=400_000)
    ).cost

    assert cost.cache_write == pytest.approx(3.75 * 0.6 + 6 * 0.4)


def test_a_free_model_costs_a_plain_zero() -> None:
    cost = priced(model(ModelCost()), Usage(10, 10, 10, 10)).cost

    assert [type(value) for value in (cost.input, cost.output, cost.cache_write, cost.total)] == [int] * 4


def test_two_requests_add_up_and_what_neither_reports_stays_unknown() -> None:
    first = Usage(1, 2, 3, 4, 10, Cost(1, 2, 3, 4, 10), reasoning=1)
    second = Usage(10, 20, 30, 40, 100, Cost(10, 20, 30, 40, 100), reasoning=2, cache_write_1h=5)

    assert total_usage(first, second) == Usage(
        11, 22, 33, 44, 110, Cost(11, 22, 33, 44, 110), reasoning=3, cache_write_1h=5
    )
    assert total_usage(Usage(1), Usage(2)) == Usage(3)
