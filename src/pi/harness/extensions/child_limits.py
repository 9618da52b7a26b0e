"""How far a child session may go, and what it has spent: each response is counted in all sessions above."""

from typing import Literal

from msgspec import Struct

from pi.harness.extensions.asking import count_usage
from pi.harness.session import Session
from pi.llm.cost import total_usage
from pi.llm.messages import Usage

Reached = Literal["turns", "tokens", "cost", "seconds"]
NOTHING = Usage()


class Limits(Struct, frozen=True):
    """Of a child and its own children, over all its runs.

    `turns` are responses, `tokens` all that are billed, `cost` is in USD, `seconds` don't count while people
    are asked. `depth` is how deep below the outermost session children may be; no child can raise it.
    """

    turns: int | None = None
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    depth: int = 2


class Budget:
    """What one child has spent of its limits (`pi.harness.state.Kin`)."""

    def __init__(self, parent: Session, limits: Limits, name: str):
        above = parent.setup.kin
        self.depth = above.depth + 1 if above is not None else 1
        self.deepest = min(limits.depth, above.deepest) if above is not None else limits.depth
        self.usage = self.of_run = NOTHING
        self.turns = self.turns_of_run = 0
        self.seconds_left = limits.seconds
        self._limits = limits
        self._parent = parent
        self._name = name

    def begin_run(self) -> None:
        """Count the next run by itself too."""
        self.of_run, self.turns_of_run = NOTHING, 0

    def add_turn(self) -> None:
        """Count a response."""
        self.turns += 1
        self.turns_of_run += 1

    def spent(self, provider: str, model: str, usage: Usage) -> None:
        """Count it here and in all sessions above."""
        self.usage = total_usage(self.usage, usage)
        self.of_run = total_usage(self.of_run, usage)
        note = {"child": self._name} if self._name else None
        count_usage(self._parent, "child", provider, model, usage, note)

    def over(self, flying: Usage = NOTHING) -> Reached | None:
        """The limit that has been reached, here or by a child above; `flying` is the response under way."""
        limits, above = self._limits, self._parent.setup.kin
        tokens = self.usage.total_tokens + flying.total_tokens
        cost = self.usage.cost.total + flying.cost.total
        if limits.turns is not None and self.turns >= limits.turns:
            return "turns"
        if limits.tokens is not None and tokens >= limits.tokens:
            return "tokens"
        if limits.cost is not None and cost >= limits.cost:
            return "cost"
        if self.seconds_left is not None and self.seconds_left <= 0:
            return "seconds"
        return above.over(flying) if above is not None else None
