"""State that follows the branch: a value is an entry of the session, so forks and jumps see their own."""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from pi.harness.extensions.ctx import Ctx

T = TypeVar("T")
PREFIX = "pi.state:"


class BranchState(Generic[T]):
    """One value; `get` finds the latest one on the session's branch, `set` appends another."""

    def __init__(self, key: str, default: T, type: Any):
        self._custom_type = PREFIX + key
        self._default = default
        self._type = type

    def get(self, ctx: "Ctx") -> T:
        """The value on this branch; the default where none was set or it has another type now."""
        data = ctx.session.latest(self._custom_type)
        if data is msgspec.UNSET:
            return self._default
        try:
            return msgspec.convert(data, self._type)
        except msgspec.ValidationError:
            return self._default

    def set(self, ctx: "Ctx", value: T) -> None:
        """Keep another value (JSON) from here on."""
        ctx.session.append(self._custom_type, msgspec.to_builtins(value))
