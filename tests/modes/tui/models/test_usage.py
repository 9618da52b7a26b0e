"""What was spent is counted from the sessions' files, and limits are those that providers told last."""

import asyncio

from pi.harness.spending.usage_report import ProviderLimits, Row, UsageReport
from pi.harness.stats import stats_of
from pi.llm.quota import Window
from pi.modes.tui.commands import usage
from tests.modes.tui.models.stage import FakeStage, session_of


def test_a_session_that_spent_nothing_says_so() -> None:
    async def main() -> None:
        async with session_of() as session:
            stage = FakeStage(session)
            await usage.run(stage, "")
            (block,) = stage.shown
            assert "| This session | $0.00 | 0 | 0 |" in block.text()
            assert "limits" not in block.text()
            assert stage.worked == ["Counting…", None]

    asyncio.run(main())


def test_spends_and_limits_stand_in_tables() -> None:
    async def main() -> None:
        async with session_of() as session:
            row = Row("acme/a|b", "acme/a|b", 3, 10, 20, 0, 0, 0.25, 1.0)
            windows = (
                Window("5h", used=0.5, resets_at_ms=3_600_000),
                Window("credits", remaining=1.5, limit=10),
            )
            report = UsageReport(
                0, 0, None, row, {"model": (row,)}, (ProviderLimits("acme", windows, 0, 0.1, 0.2),)
            )
            assert usage.as_markdown(report, stats_of(session)).splitlines()[:12] == [
                "|  | cost | requests | tokens |",
                "| --- | ---: | ---: | ---: |",
                "| This session | $0.00 | 0 | 0 |",
                "| Today | $0.25 | 3 | 30 |",
                "| — acme/a\\|b | $0.25 | 3 | 30 |",
                "",
                "| limits |  | used | left | resets in |",
                "| --- | --- | --- | --- | --- |",
                "| acme | 5h | ██████░░░░░░ 50 % |  | 1 h 0 min |",
                "|  | credits |  | $1.50 of $10.00 |  |",
                "",
                "`pi usage` shows more: other days, by project or role, as a page with plots.",
            ]

    asyncio.run(main())
