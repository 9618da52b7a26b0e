"""What a child session has from its parent: extensions, the people to ask, and judges of its tool calls."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import structs

from pi.agent.hooks import Block, Hooks, Rewrite, ToolCallEvent
from pi.agent.tool import Effects
from pi.harness.extensions.declarations import Subscription
from pi.harness.extensions.host import ExtensionHost
from pi.harness.session import Session
from pi.harness.ui import UI, Field, NoticeKind, Placement

_JUDGING = ("tool_call", "gate")


class ChildHost(ExtensionHost):
    """The parent's extensions that join the child, declared anew: they share modules, but no state.

    What guards the user isn't theirs to repeat: the parent's own handlers and gates judge the child's calls,
    so nobody is asked twice. Models are the parent's too.
    """

    def __init__(self, parent: ExtensionHost, names: Collection[str], tools: Collection[str], ui: UI):
        super().__init__(ui=ui)
        self.roster.flag_values = parent.roster.flag_values
        self._joining = [extension for extension in parent.roster.extensions if extension.name in names]
        self._owners = {name: owner for name, (owner, _) in parent.joined.tools.items() if name in tools}

    async def declare(self) -> None:
        """Ask them what they declare; those that fail become problems."""
        for extension in self._joining:
            await self.roster.declare(extension.source, None, extension.factory)

    def environment(self) -> dict[str, str]:
        """Nothing: what a command asks to load would be more than the parent has."""
        return {}

    async def between_turns(self) -> None:
        """Nothing is taken up: see `environment`."""

    def _heeds(self, subscription: Subscription) -> bool:
        return subscription.name not in _JUDGING

    def _share(self, session: Session) -> None:
        session.tools.set_own(
            {
                name: structs.replace(tool, active=True, exposure="direct")  # in use in the parent: here too
                for name, (owner, tool) in self.joined.tools.items()
                if self._owners.get(name) == owner
            }
        )


class ChildUI:
    """The parent's people. Statuses and widgets stand beside the parent's, and go when the child does."""

    def __init__(self, ui: UI, name: str):
        self._ui = ui
        self._name = name
        self._statuses: set[str] = set()
        self._widgets: dict[str, Placement] = {}

    @property
    def mode(self) -> Literal["tui", "rpc", "json", "print", "sdk"]:
        return self._ui.mode

    @property
    def available(self) -> bool:
        return self._ui.available

    async def select(self, title: str, options: Sequence[str], timeout: float | None) -> str | None:
        return await self._ui.select(title, options, timeout)

    async def confirm(self, title: str, message: str, timeout: float | None) -> bool | None:
        return await self._ui.confirm(title, message, timeout)

    async def input(self, title: str, placeholder: str, timeout: float | None) -> str | None:
        return await self._ui.input(title, placeholder, timeout)

    async def editor(self, title: str, text: str) -> str | None:
        return await self._ui.editor(title, text)

    async def form(
        self, title: str, fields: Sequence[Field], timeout: float | None
    ) -> dict[str, Any] | NotImplementedError | None:
        return await self._ui.form(title, fields, timeout)

    async def custom(self, factory: Any, options: dict[str, Any]) -> Any:
        return await self._ui.custom(factory, options)

    def notify(self, text: str, kind: NoticeKind) -> None:
        self._ui.notify(text, kind)

    def set_status(self, key: str, text: str | None) -> None:
        self._statuses.add(key)
        self._ui.set_status(self._own(key), text)

    def set_widget(self, key: str, lines: Sequence[str] | None, placement: Placement) -> None:
        self._widgets[key] = placement
        self._ui.set_widget(self._own(key), lines, placement)

    # the window's title, the working text and the editor are the parent's alone

    def set_title(self, title: str) -> None: ...
    def set_working(self, text: str | None) -> None: ...
    def set_editor_text(self, text: str) -> None: ...

    def editor_text(self) -> str:
        return ""

    def clear(self) -> None:
        """Take away what is left on the screen."""
        for key in self._statuses:
            self._ui.set_status(self._own(key), None)
        for key, placement in self._widgets.items():
            self._ui.set_widget(self._own(key), None, placement)
        self._statuses.clear()
        self._widgets.clear()

    def _own(self, key: str) -> str:
        return f"{self._name}/{key}"


def judged_by(parent: Session, hooks: Hooks, cwd: Path, call_id: str) -> None:
    """Let the parent's `tool_call` handlers and gates judge every call of a child, as they are by then."""

    def seen(event: ToolCallEvent) -> ToolCallEvent:
        return structs.replace(
            event,
            effects=event.effects if cwd == parent.store.cwd else _absolute(event.effects, cwd),
            parent_tool_call_id=event.parent_tool_call_id or call_id or None,
        )

    async def change(event: ToolCallEvent) -> Block | Rewrite | None:
        answer = await parent.hooks.before_tool(seen(event))
        if isinstance(answer, Block):
            return answer
        return None if answer is event.arguments else Rewrite(answer)

    async def gate(event: ToolCallEvent) -> Block | None:
        return await parent.hooks.judge(seen(event))

    hooks.on("tool_call", change, limit_s=None)  # each handler behind it has a limit of its own
    hooks.add_gate(gate, limit_s=None)


def _absolute(effects: Effects, cwd: Path) -> Effects:
    """The paths of a child in another folder, as its parent has to read them."""
    return structs.replace(
        effects,
        reads=tuple(str(cwd / path) for path in effects.reads),
        writes=tuple(str(cwd / path) for path in effects.writes),
    )
