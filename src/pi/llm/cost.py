"""What a request cost, from its tokens and its model's prices."""

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from pi.llm.messages import Cost, Usage
from pi.llm.models import CostRates, Model

PER_MILLION = 1_000_000


def priced(model: Model, usage: Usage) -> Usage:
    """The usage with its cost in USD.

    The rates are those of the highest tier strictly below the request's input tokens; cache writes that
    live for an hour cost twice the input rate.
    """
    rates = _rates(model, usage.input + usage.cache_read + usage.cache_write)
    long_write = 0 if usage.cache_write_1h is UNSET else usage.cache_write_1h
    short_write = usage.cache_write - long_write
    # The same operations in the same order as the original, so that sums agree to the last bit.
    spent_in = rates.input / PER_MILLION * usage.input
    spent_out = rates.output / PER_MILLION * usage.output
    spent_read = rates.cache_read / PER_MILLION * usage.cache_read
    spent_write = (rates.cache_write * short_write + rates.input * 2 * long_write) / PER_MILLION
    total = spent_in + spent_out + spent_read + spent_write
    # `or 0`: the session file shows a plain 0, as the original's does.
    cost = Cost(spent_in or 0, spent_out or 0, spent_read or 0, spent_write or 0, total or 0)
    return replace(usage, cost=cost)


def total_usage(first: Usage, second: Usage) -> Usage:
    """Tokens and cost of two requests together."""
    a, b = first.cost, second.cost
    return Usage(
        first.input + second.input,
        first.output + second.output,
        first.cache_read + second.cache_read,
        first.cache_write + second.cache_write,
        first.total_tokens + second.total_tokens,
        Cost(
            a.input + b.input,
            a.output + b.output,
            a.cache_read + b.cache_read,
            a.cache_write + b.cache_write,
            a.total + b.total,
        ),
        _sum_of_known(first.reasoning, second.reasoning),
        _sum_of_known(first.cache_write_1h, second.cache_write_1h),
    )


def _sum_of_known(first: int | UnsetType, second: int | UnsetType) -> int | UnsetType:
    if first is UNSET or second is UNSET:
        return second if first is UNSET else first
    return first + second


def _rates(model: Model, input_tokens: int) -> CostRates:
    reached = [tier for tier in model.cost.tiers if input_tokens > tier.input_tokens_above]
    return max(reached, key=lambda tier: tier.input_tokens_above) if reached else model.cost
