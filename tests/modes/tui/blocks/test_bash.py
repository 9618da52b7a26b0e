"""Commands of the user's: while they print, when they are over, and those the model never sees."""

from pi.harness.storage.entries import BashExecutionMessage
from pi.modes.tui.blocks.bash import BashBlock
from tests.modes.tui.blocks.looks import LOOK, OPEN, texts

_RULE = "─" * 60


def _over(output: str, **fields: object) -> BashExecutionMessage:
    known: dict[str, object] = {"cancelled": False, "truncated": False, "timestamp": 0, "exit_code": 0}
    return BashExecutionMessage("ls", output, **(known | fields))  # pyright: ignore[reportArgumentType]


def test_a_command_prints_between_two_rules() -> None:
    block = BashBlock("ls -l")
    block.output("a\nb")
    block.output("c\n")
    assert texts(block) == [_RULE, " $ ls -l", "", " a", " bc", "", " Running…", _RULE]
    assert [block.lines(60, LOOK)[0], BashBlock("x", True).lines(60, LOOK)[0]] == [
        ((_RULE, "bashMode"),),
        ((_RULE, "dim"),),
    ]


def test_the_message_counts_when_the_command_is_over() -> None:
    block = BashBlock("ls")
    block.output("live")
    block.end(_over("final\n"))
    assert texts(block) == [_RULE, " $ ls", "", " final", _RULE]


def test_how_a_command_ended_is_told() -> None:
    failed = BashBlock.of(_over("", exit_code=2))
    cancelled = BashBlock.of(_over("a", cancelled=True, exit_code=None))
    cut = BashBlock.of(_over("a", truncated=True, full_output_path="/tmp/full"))
    assert [texts(block)[1:-1] for block in (failed, cancelled, cut)] == [
        [" $ ls", "", " Exit code 2"],
        [" $ ls", "", " a", "", " Cancelled"],
        [" $ ls", "", " a", "", " Output truncated. Full output: /tmp/full"],
    ]


def test_twenty_lines_are_shown_until_it_opens() -> None:
    block = BashBlock.of(_over("\n".join(map(str, range(30)))))
    assert texts(block)[3:] == [
        " … (10 earlier lines, ctrl+o to expand)",
        *(f" {n}" for n in range(10, 30)),
        _RULE,
    ]
    assert texts(block, OPEN)[3:] == [*(f" {n}" for n in range(30)), _RULE]


def test_what_is_kept_of_a_running_command_is_bounded() -> None:
    block = BashBlock("yes")
    for _ in range(100):
        block.output("y" * 99 + "\n" + "n" * 9900)
    assert len(block.text()) < 220_000
