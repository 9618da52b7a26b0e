"""The settings of compaction: what holds for which model, and what is refused."""

from typing import Any

import pytest

from pi.harness.compaction.settings import CompactionSettings, compaction_settings
from pi.harness.settings import Settings
from pi.llm.models import Model
from pi.platform.errors import ConfigError

MODEL = Model("big/one", "some", "faux", "")


def resolved(**compaction: Any) -> CompactionSettings:
    return compaction_settings(Settings({"compaction": compaction}), MODEL)


def test_without_settings_the_defaults_hold() -> None:
    assert compaction_settings(Settings(), MODEL) == CompactionSettings(True, 16_384, 20_000)


def test_a_models_override_replaces_single_values() -> None:
    overrides = {"some/big/one": {"reserveTokens": 400_000}, "some/Big/One": {"keepRecentTokens": 1}}

    assert resolved(enabled=False, keepRecentTokens=5, modelOverrides=overrides) == CompactionSettings(
        False, 400_000, 5
    )


@pytest.mark.parametrize("value", [-1, 1.5, "1", True, 2**53, [], float("nan"), float("inf")])
def test_a_value_that_is_no_count_is_refused_by_its_name(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"Invalid compaction\.reserveTokens setting: .*non-negative"):
        resolved(reserveTokens=value, modelOverrides={"some/big/one": {"reserveTokens": 1}})
    with pytest.raises(ConfigError, match=r'compaction\.modelOverrides\["some/big/one"\]\.keepRecentTokens'):
        resolved(modelOverrides={"some/big/one": {"keepRecentTokens": value}})


def test_an_override_that_is_no_object_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r'modelOverrides\["some/big/one"\] setting: 5\. Expected an object'
    ):
        resolved(modelOverrides={"some/big/one": 5})


def test_overrides_of_other_models_are_not_looked_at() -> None:
    assert resolved(modelOverrides={"other/m": 5}) == CompactionSettings(True, 16_384, 20_000)
    assert resolved(reserveTokens=100.0) == CompactionSettings(True, 100, 20_000)
