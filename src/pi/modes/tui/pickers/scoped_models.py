"""The selector of the scope: which models the cycling keys go through, and in which order."""

from collections.abc import Callable, Sequence

from pi.llm.models import Model
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import clean
from pi.modes.tui.panels.picker import Picker, Row
from pi.modes.tui.pickers.models import SAVE, about

ALL, CLEAR, PROVIDER = "app.models.enableAll", "app.models.clearAll", "app.models.toggleProvider"
UP, DOWN = "app.models.reorderUp", "app.models.reorderDown"


class ScopePicker(Picker):
    """Enter puts a model into the scope, or takes it out; each change is told to `use` at once.

    A scope is a list of patterns in the order of the cycle, None for all models. `patterns` are those of
    models that are in the scope by a role or with a level.
    """

    def __init__(
        self,
        keymap: Keymap,
        models: Sequence[Model],
        scope: list[str] | None,
        *,
        use: Callable[[tuple[str, ...]], None],
        save: Callable[[list[str] | None], str],
        patterns: dict[str, str],
        current: str,
    ):
        self._models = {model.ref: model for model in models}
        self._scope = scope
        self._use, self._save, self._patterns = use, save, patterns
        self._saved = list(scope) if scope is not None else None
        super().__init__(
            keymap,
            "Models of the cycle",
            self._listed(),
            selected=current,
            hints=[
                ("tui.select.confirm", "in or out"),
                (ALL, "all"),
                (CLEAR, "none"),
                (PROVIDER, "provider"),
                (UP, "up"),
                (DOWN, "down"),
                (SAVE, "save"),
                ("tui.select.cancel", "done"),
            ],
            on={
                ALL: self._all,
                CLEAR: self._clear,
                PROVIDER: self._provider,
                UP: lambda: self._shift(-1),
                DOWN: lambda: self._shift(1),
                SAVE: self._keep,
            },
            note=self._standing(),
            empty="No model matches.",
        )

    @property
    def scope(self) -> list[str] | None:
        """The models of the scope by `provider/id`; None for all."""
        return self._scope

    def finish(self, answer: Row | None) -> None:
        """A row that is chosen goes into the scope, or out of it; the list stays."""
        if answer is None:
            super().finish(None)
        elif self._scope is None:  # from all to the first of a choice
            self._become([answer.id])
        elif answer.id in self._scope:
            self._become([ref for ref in self._scope if ref != answer.id])
        else:
            self._become([*self._scope, answer.id])

    def _all(self) -> None:
        found = self._searched()
        if found is None:
            self._become(None)
        else:
            scope = self._scope or []
            self._become([*scope, *(ref for ref in found if ref not in scope)])

    def _clear(self) -> None:
        found = self._searched()
        scope = list(self._models) if self._scope is None else self._scope
        self._become([] if found is None else [ref for ref in scope if ref not in found])

    def _provider(self) -> None:
        if self.selected is None:
            return
        provider = self._models[self.selected.id].provider
        mine = [ref for ref, model in self._models.items() if model.provider == provider]
        scope = self._scope or []
        if all(ref in scope for ref in mine):
            self._become([ref for ref in scope if ref not in mine])
        else:
            self._become([*scope, *(ref for ref in mine if ref not in scope)])

    def _shift(self, step: int) -> None:
        if self.selected is None or not self._scope or self.selected.id not in self._scope:
            return
        scope, at = list(self._scope), self._scope.index(self.selected.id)
        to = at + step
        if 0 <= to < len(scope):
            scope[at], scope[to] = scope[to], scope[at]
            self._become(scope)

    def _keep(self) -> None:
        self.note = self._save(self._as_patterns())
        self._saved = list(self._scope) if self._scope is not None else None
        self.changed()

    def _become(self, scope: list[str] | None) -> None:
        self._scope = scope
        chosen = self.selected
        self.set_rows(self._listed(), selected=chosen.id if chosen else None)
        self._use(tuple(self._as_patterns() or ()))
        self.note = self._standing()
        self.changed()

    def _as_patterns(self) -> list[str] | None:
        scope = self._scope
        return None if scope is None else [self._patterns.get(ref, ref) for ref in scope]

    def _searched(self) -> list[str] | None:
        """The models that are searched for; None when nothing is searched."""
        if not self.query.strip():
            return None
        return [row.id for row in self.found]

    def _listed(self) -> list[Row]:
        """The scope in its order, then all others."""
        scope = self._scope
        refs = list(self._models) if scope is None else list(dict.fromkeys((*scope, *self._models)))
        rows: list[Row] = []
        for ref in refs:
            model = self._models[ref]
            inside = scope is None or ref in scope
            level = self._patterns.get(ref, "").removeprefix(ref)
            rows.append(
                Row(
                    id=ref,
                    label=clean(model.id),
                    detail=clean(f"{model.provider} {level}".rstrip()),
                    mark="✓" if inside else "",
                    description=clean(about(model)),
                    search=clean(f"{model.provider} {model.id} {model.name} {ref}"),
                    style="" if inside else "muted",
                )
            )
        return rows

    def _standing(self) -> str:
        scope = self._scope
        if scope is None:
            text = "All models take part."
        elif not scope:
            text = "None is chosen: all models take part."
        else:
            text = f"{len(scope)} of {len(self._models)} take part, in this order."
        return text if scope == self._saved else f"{text} Not saved yet."
