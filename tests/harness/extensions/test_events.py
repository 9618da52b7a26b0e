"""Every event of the table is fired, with the payload that the table says."""

import asyncio
from pathlib import Path
from typing import Any

from pi.harness.extensions.table import EVENTS
from tests.harness.extensions.scenario import Life, living, whole_life

NOT_FIRED = {
    "cache_warming_decision": "Pi doesn't keep caches warm",
}


def test_every_event_is_fired_with_the_payload_of_the_table(tmp_path: Path) -> None:
    heard: dict[str, Any] = {}

    def listening(pi: Any, life: Life) -> None:
        for name in EVENTS:
            pi.on(name)(lambda event, ctx, name=name: heard.setdefault(name, event) and None)

    async def live() -> Life:
        async with living(tmp_path, listening) as life:
            await whole_life(life)
        return life

    life = asyncio.run(asyncio.wait_for(live(), 60))

    assert life.failures == []
    assert set(EVENTS) - set(heard) == set(NOT_FIRED)
    assert {name: type(event) for name, event in heard.items()} == {
        name: EVENTS[name].payload for name in heard
    }
