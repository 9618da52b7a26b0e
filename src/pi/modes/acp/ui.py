"""What extensions ask and tell, in an editor; what it has no place for gets a careful answer."""

from collections.abc import Sequence
from typing import Any, Literal

from acp.schema import (
    ElicitationBooleanPropertySchema,
    ElicitationMultiSelectPropertySchema,
    ElicitationSchema,
    ElicitationStringPropertySchema,
    StringMultiSelectItems,
)

from pi.harness.ui import Field, NobodyThere, NoticeKind
from pi.modes.acp.asking import Asking
from pi.modes.acp.clean import shown
from pi.modes.acp.feed import Feed

_MARKS: dict[NoticeKind, str] = {"info": "", "warning": "**Warning:** ", "error": "**Error:** "}
_ANSWER = "answer"


class AcpUI(NobodyThere):
    """Questions with options become permission requests, others forms where the editor has them.

    To extensions it is "rpc": a program with people behind it. Statuses, widgets and titles have no place.
    """

    def __init__(self, feed: Feed, asking: Asking):
        super().__init__()
        self.mode: Literal["tui", "rpc", "json", "print", "sdk"] = "rpc"
        self.available = True
        self._feed = feed
        self._asking = asking

    def cancel(self) -> None:
        """What is asked now gets no answer."""
        self._asking.cancel()

    def close(self) -> None:
        """The editor is gone, or the session is closed."""
        self.available = False
        self._asking.cancel()

    async def select(self, title: str, options: Sequence[str], timeout: float | None) -> str | None:
        if not options:
            return None
        chosen = await self._asking.choose(title, "", options)
        return None if chosen is None else options[chosen]

    async def confirm(self, title: str, message: str, timeout: float | None) -> bool | None:
        chosen = await self._asking.choose(title, message, ("Yes", "No"), yes_no=True)
        return None if chosen is None else chosen == 0

    async def input(self, title: str, placeholder: str, timeout: float | None) -> str | None:
        return await self._text(
            title, ElicitationStringPropertySchema(type="string", description=placeholder or None)
        )

    async def editor(self, title: str, text: str) -> str | None:
        return await self._text(title, ElicitationStringPropertySchema(type="string", default=text or None))

    async def form(
        self, title: str, fields: Sequence[Field], timeout: float | None
    ) -> dict[str, Any] | NotImplementedError | None:
        if not self._asking.forms:
            return NotImplementedError("This editor has no forms.")
        schema = ElicitationSchema(
            properties={field.name: _property(field) for field in fields},
            required=[field.name for field in fields if field.required],
        )
        answer = await self._asking.fill_in(title, schema)
        return (
            None
            if answer is None
            else {field.name: _given(field, answer.get(field.name)) for field in fields}
        )

    def notify(self, text: str, kind: NoticeKind) -> None:
        self._feed.notice(_MARKS[kind] + text)

    async def _text(self, title: str, field: ElicitationStringPropertySchema) -> str | None:
        if not self._asking.forms:
            self._feed.notice(
                f"*An extension asked for a text, which this editor can't show: {shown(title)}*"
            )
            return None
        asked = field.model_copy(update={"title": shown(title)})
        answer = await self._asking.fill_in(
            title, ElicitationSchema(properties={_ANSWER: asked}, required=[_ANSWER])
        )
        text = None if answer is None else answer.get(_ANSWER)
        return text if isinstance(text, str) else None


def _property(
    field: Field,
) -> (
    ElicitationStringPropertySchema | ElicitationBooleanPropertySchema | ElicitationMultiSelectPropertySchema
):
    """One question of a form; with `other` any text will do, and the options are told beside it."""
    title, labels = shown(field.title), [shown(option.label) for option in field.options]
    said = "\n".join(part for part in (shown(field.description), *_described(field)) if part) or None
    match field.kind:
        case "confirm":
            yes = field.default if isinstance(field.default, bool) else None
            return ElicitationBooleanPropertySchema(
                type="boolean", title=title, description=said, default=yes
            )
        case "multi" if not field.other and labels:
            items = StringMultiSelectItems(type="string", enum=labels)
            return ElicitationMultiSelectPropertySchema(
                type="array", title=title, description=said, items=items
            )
        case _:
            default = field.default if isinstance(field.default, str) else None
            enum = labels if field.kind == "select" and labels and not field.other else None
            if enum is None and labels:
                said = "\n".join(part for part in (said, f"Such as: {', '.join(labels)}") if part)
            return ElicitationStringPropertySchema(
                type="string", title=title, description=said, default=default, enum=enum
            )


def _given(field: Field, value: Any) -> Any:
    """An answer as the extension knows its options; texts for several answers are separated by commas."""
    labels = {shown(option.label): option.label for option in field.options}
    match field.kind, value:
        case "multi", str():
            return [labels.get(part, part) for each in value.split(",") if (part := each.strip())]
        case "multi", [*parts]:
            return [labels.get(str(part), str(part)) for part in parts]
        case _, str():
            return labels.get(value, value)
        case _:
            return value


def _described(field: Field) -> list[str]:
    return [f"{shown(o.label)}: {shown(o.description)}" for o in field.options if o.description]
