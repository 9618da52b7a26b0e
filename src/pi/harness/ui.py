"""Asking and telling people: what a mode offers, and the careful answers when nobody is there."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

NoticeKind = Literal["info", "warning", "error"]
Placement = Literal["above_editor", "below_editor"]


class Option(Struct, frozen=True):
    """One choice of a field; `preview` is Markdown shown beside it."""

    label: str
    description: str = ""
    preview: str = ""
    recommended: bool = False


class Field(Struct, frozen=True):
    """One question of a form; a "multi" has any number of answers, `other` allows a free text too."""

    name: str
    title: str
    kind: Literal["select", "multi", "text", "confirm"] = "text"
    options: tuple[Option, ...] = ()
    description: str = ""
    default: Any = None
    required: bool = False
    other: bool = False


class UI(Protocol):
    """What a mode can do for extensions; `timeout` is in s, and None is the answer of nobody."""

    @property
    def mode(self) -> Literal["tui", "rpc", "json", "print", "sdk"]: ...
    @property
    def available(self) -> bool:
        """Whether somebody can answer."""
        ...

    async def select(self, title: str, options: Sequence[str], timeout: float | None) -> str | None: ...
    async def confirm(self, title: str, message: str, timeout: float | None) -> bool | None: ...
    async def input(self, title: str, placeholder: str, timeout: float | None) -> str | None: ...
    async def editor(self, title: str, text: str) -> str | None: ...
    async def form(
        self, title: str, fields: Sequence[Field], timeout: float | None
    ) -> dict[str, Any] | NotImplementedError | None:
        """All questions at once; a returned NotImplementedError means: ask them one by one."""
        ...

    async def custom(self, factory: Any, options: dict[str, Any]) -> Any:
        """A screen of the extension's own; raises NotImplementedError where there is no terminal."""
        ...

    def notify(self, text: str, kind: NoticeKind) -> None: ...
    def set_status(self, key: str, text: str | None) -> None: ...
    def set_widget(self, key: str, lines: Sequence[str] | None, placement: Placement) -> None: ...
    def set_title(self, title: str) -> None: ...
    def set_working(self, text: str | None) -> None: ...
    def set_editor_text(self, text: str) -> None: ...
    def editor_text(self) -> str: ...


class NobodyThere:
    """The user interface of runs without one: questions get no answer, notices are kept in `notices`."""

    def __init__(self, mode: Literal["json", "print", "sdk"] = "sdk") -> None:
        self.mode: Literal["tui", "rpc", "json", "print", "sdk"] = mode
        self.available = False
        self.notices: list[tuple[NoticeKind, str]] = []

    async def select(self, title: str, options: Sequence[str], timeout: float | None) -> str | None:
        return None

    async def confirm(self, title: str, message: str, timeout: float | None) -> bool | None:
        return None

    async def input(self, title: str, placeholder: str, timeout: float | None) -> str | None:
        return None

    async def editor(self, title: str, text: str) -> str | None:
        return None

    async def form(
        self, title: str, fields: Sequence[Field], timeout: float | None
    ) -> dict[str, Any] | NotImplementedError | None:
        return None

    async def custom(self, factory: Any, options: dict[str, Any]) -> Any:
        raise NotImplementedError("A screen of its own needs the terminal interface. Offer ctx.ui.form too.")

    def notify(self, text: str, kind: NoticeKind) -> None:
        self.notices.append((kind, text))

    def set_status(self, key: str, text: str | None) -> None: ...
    def set_widget(self, key: str, lines: Sequence[str] | None, placement: Placement) -> None: ...
    def set_title(self, title: str) -> None: ...
    def set_working(self, text: str | None) -> None: ...
    def set_editor_text(self, text: str) -> None: ...

    def editor_text(self) -> str:
        return ""
