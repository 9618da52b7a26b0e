"""Asking the editor's user: permissions, which every editor has, and forms, which few do."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from acp import RequestError
from acp.interfaces import Client
from acp.schema import (
    AcceptElicitationResponse,
    AllowedOutcome,
    ElicitationFormSessionMode,
    ElicitationSchema,
    PermissionOption,
    PermissionOptionKind,
)
from pydantic import ValidationError

from pi.modes.acp.cards import Cards
from pi.modes.acp.clean import shown

T = TypeVar("T")
_REJECTING = ("no", "deny", "reject", "block", "cancel", "abort", "never", "don't", "stop", "skip", "refuse")
_FOR_GOOD = ("always", "never", "forever", "session")


class Asking:
    """Requests of one session. None is the answer of nobody: a user who cancels, an editor that is gone."""

    def __init__(self, client: Callable[[], Client], session_id: str, *, forms: bool):
        self.forms = forms
        self.cards: Cards | None = None  # until there is a session
        self._client = client
        self._session_id = session_id
        self._open: set[asyncio.Task[Any]] = set()

    async def choose(
        self, title: str, message: str, options: Sequence[str], *, yes_no: bool = False
    ) -> int | None:
        """The index of the option that the user chooses, as a permission request."""
        if self.cards is None:
            return None
        call, own = self.cards.question(title, message)
        kinds: list[PermissionOptionKind] = (
            ["allow_once", "reject_once"] if yes_no else [kind_of(o) for o in options]
        )
        permissions = [
            PermissionOption(option_id=str(index), name=shown(option), kind=kind)
            for index, (option, kind) in enumerate(zip(options, kinds, strict=True))
        ]
        chosen: int | None = None
        try:
            request = self._client().request_permission(self._session_id, call, permissions)
            answer = await self._answer(request)
            if answer is not None and isinstance(answer.outcome, AllowedOutcome):
                ids = [option.option_id for option in permissions]
                chosen = ids.index(answer.outcome.option_id) if answer.outcome.option_id in ids else None
        finally:
            if own:
                self.cards.answered(call.tool_call_id, None if chosen is None else options[chosen])
        return chosen

    async def fill_in(self, title: str, schema: ElicitationSchema) -> dict[str, Any] | None:
        """The fields of a form by name. Only where the editor has forms."""
        if not self.forms:
            return None
        mode = ElicitationFormSessionMode(session_id=self._session_id, requested_schema=schema)
        answer = await self._answer(self._client().create_elicitation(shown(title), mode))
        return (answer.content or {}) if isinstance(answer, AcceptElicitationResponse) else None

    def cancel(self) -> None:
        """Nobody answers what is asked now."""
        for task in tuple(self._open):
            task.cancel()

    async def _answer(self, request: Coroutine[Any, Any, T]) -> T | None:
        task = asyncio.create_task(request)
        self._open.add(task)
        try:
            await asyncio.wait({task})
            return None if task.cancelled() else task.result()
        except (ConnectionError, RequestError, ValidationError):  # it is gone, or answers something else
            return None
        finally:
            self._open.discard(task)
            task.cancel()


def kind_of(option: str) -> PermissionOptionKind:
    """What choosing an option means, by its words: editors draw them in different colours."""
    words = option.lower().replace(",", " ").split()
    rejects = bool(words) and words[0] in _REJECTING
    if any(word in _FOR_GOOD for word in words):
        return "reject_always" if rejects else "allow_always"
    return "reject_once" if rejects else "allow_once"
