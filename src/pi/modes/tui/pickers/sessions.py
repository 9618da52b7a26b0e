"""The session picker: find a session of this folder or of all, go there, rename or delete it."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct, structs

from pi.harness.storage.files import SessionDir
from pi.harness.storage.listing import SessionRow, Sort, list_sessions
from pi.harness.storage.transfer import NoTrashError, delete_session, has_trash
from pi.modes.tui.footer import short_path
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import Line, clean
from pi.modes.tui.panels.asking import Confirm, TextInput
from pi.modes.tui.pickers.browser import Browser
from pi.modes.tui.pickers.sessions_rows import session_line, threads
from pi.platform.clock import now_ms
from pi.platform.errors import PiError

_VISIBLE = 10
_SORTS: tuple[Sort, ...] = ("threaded", "recent", "relevance")

Rename = Callable[[Path, str], Awaitable[None]]


class Wanted(Struct, frozen=True):
    """What the list should show."""

    everywhere: bool = False
    named_only: bool = False
    query: str = ""
    sort: Sort = "threaded"


async def rename_session(path: Path, name: str) -> None:
    """Name a session that isn't open here; an empty name takes the old one away. Raises PiError."""

    def work() -> None:
        from pi.harness.storage.store import Store

        store = Store.open(path)
        try:
            store.append_session_info(name)
        finally:
            store.close()

    await asyncio.to_thread(work)


class SessionPicker(Browser[Path]):
    """Ends with a session's file. Lists are made in a thread; what was listed last stays until there is more.

    `current` is the session that is open: it is marked, and can't be deleted.
    """

    hints = (
        ("tui.select.confirm", "open"),
        ("tui.input.tab", "this folder / all"),
        ("app.session.toggleSort", "sort"),
        ("app.session.toggleNamedFilter", "named"),
        ("app.session.togglePath", "path"),
        ("app.session.rename", "rename"),
        ("app.session.delete", "delete"),
        ("tui.select.cancel", "cancel"),
    )

    def __init__(
        self,
        keymap: Keymap,
        directory: SessionDir,
        *,
        current: Path | None = None,
        rename: Rename = rename_session,
        now: Callable[[], int] = now_ms,
    ):
        super().__init__(keymap, "", _VISIBLE, 'Search: words, "a phrase", or re:pattern')
        self._directory = directory
        self._current = current.resolve() if current is not None else None
        self._rename = rename
        self._now = now
        self._wanted = Wanted()
        self._asked = 0  # times that a list was wanted
        self._listed = 0  # which of them is shown
        self._query = ""  # of what is shown
        self._rows: Sequence[SessionRow] = ()
        self._threads: Sequence[str] = ()
        self._paths = False
        self._listing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._refresh()

    @property
    def selected(self) -> SessionRow | None:
        """The session under the arrow."""
        return self._rows[self.index] if self.index < len(self._rows) else None

    async def listed(self) -> None:
        """Return when the list shows what is wanted."""
        while self._listing is not None and not self._listing.done():
            await asyncio.wait([self._listing])

    async def settled(self) -> None:
        """Return when nothing is being done beside, and the list shows what is wanted."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self.listed()

    def count(self) -> int:
        return len(self._rows)

    def row(self, number: int, width: int) -> Line:
        row = self._rows[number]
        return session_line(
            row,
            self._threads[number],
            width,
            now=self._now(),
            current=self._is_current(row),
            folder=self._wanted.everywhere,
            file=self._paths,
        )

    def choose(self) -> None:
        if (row := self.selected) is not None:
            self.finish(row.path)

    def searched(self) -> None:
        self._want(query=self.search.text)

    def empty(self) -> str:
        if self._listed == 0:
            return "Looking for sessions…"
        if self._wanted.query or self._wanted.named_only:
            return "No session matches."
        if self._wanted.everywhere:
            return "There are no sessions yet."
        return f"No sessions of this folder. {self.keymap.label('tui.input.tab')} shows those of all."

    def actions(self) -> Mapping[str, Callable[[], None]]:
        own: dict[str, Callable[[], None]] = {
            "tui.input.tab": lambda: self._want(everywhere=not self._wanted.everywhere),
            "app.session.toggleSort": self._sort,
            "app.session.toggleNamedFilter": lambda: self._want(named_only=not self._wanted.named_only),
            "app.session.togglePath": self._toggle_paths,
            "app.session.rename": self._ask_name,
            "app.session.delete": self._ask_deletion,
        }
        if not self.search.text:
            own["app.session.deleteNoninvasive"] = self._ask_deletion
        return own

    def _want(self, **changes: object) -> None:
        self._wanted = structs.replace(self._wanted, **changes)
        self._refresh()

    def _sort(self) -> None:
        self._want(sort=_SORTS[(_SORTS.index(self._wanted.sort) + 1) % len(_SORTS)])

    def _toggle_paths(self) -> None:
        self._paths = not self._paths

    def _refresh(self) -> None:
        """Make the list anew: one at a time, and of those that were wanted meanwhile only the last."""
        self._asked += 1
        wanted = self._wanted
        where = "all folders" if wanted.everywhere else short_path(self._directory.cwd)
        self.title = f"Sessions: {clean(where)}"
        self.search_aside = " · ".join([wanted.sort, *(["named"] if wanted.named_only else [])])
        if self._listing is None or self._listing.done():
            self._listing = asyncio.ensure_future(self._list_sessions())

    async def _list_sessions(self) -> None:
        while self._listed != self._asked and not self.answer.done():
            number, wanted = self._asked, self._wanted
            try:
                rows = await asyncio.to_thread(
                    list_sessions,
                    self._directory,
                    all_projects=wanted.everywhere,
                    named_only=wanted.named_only,
                    query=wanted.query,
                    sort=wanted.sort,
                )
            except PiError as error:  # a query that isn't complete yet, mostly
                self._listed = number
                self.say(str(error), "warning")
                continue
            self._show(rows, wanted)
            self._listed = number
            self.changed()

    def _show(self, rows: Sequence[SessionRow], wanted: Wanted) -> None:
        """Other rows; what was selected stays so, but of other matches the first is."""
        before, first = self.selected, not self._listed
        self._rows = rows
        self._threads = threads([row.depth for row in rows])
        if wanted.query != self._query:
            self.index = 0
        elif first:
            self.index = next((at for at, row in enumerate(rows) if self._is_current(row)), 0)
        elif before is not None:
            same = (at for at, row in enumerate(rows) if row.path == before.path)
            self.index = next(same, max(0, min(self.index, len(rows) - 1)))
        self._query = wanted.query

    def _is_current(self, row: SessionRow) -> bool:
        return self._current is not None and (
            row.path == self._current or row.path.resolve() == self._current
        )

    def _ask_name(self) -> None:
        if (row := self.selected) is not None:
            note = "Without a name the session shows its first message."
            panel = TextInput(
                self.keymap, "Name of the session", row.first_message, row.name or "", note=note
            )
            self.inside(panel, partial(self._named, row))

    def _named(self, row: SessionRow, name: str | None) -> None:
        if name is not None and name.strip() != (row.name or ""):
            self._do(self._rename(row.path, name.strip()))

    def _ask_deletion(self) -> None:
        row = self.selected
        if row is None:
            return
        if self._is_current(row):
            self.say("This session is open: it can't be deleted.", "warning")
        elif has_trash():
            self._confirm(row, "Move this session to the trash?", for_good=False)
        else:
            self._confirm(row, "Delete this session for good? There is no trash here.", for_good=True)

    def _confirm(self, row: SessionRow, question: str, *, for_good: bool) -> None:
        about = f"{row.name or row.first_message or '(no messages)'}\n{short_path(row.path)}"

        def answered(yes: bool | None) -> None:
            if yes:
                self._do(self._delete(row, for_good=for_good))

        self.inside(Confirm(self.keymap, question, about), answered)

    async def _delete(self, row: SessionRow, *, for_good: bool) -> None:
        try:
            done = await asyncio.to_thread(delete_session, row.path, self._directory, for_good=for_good)
        except NoTrashError:
            self._confirm(row, "There is no trash for this file. Delete it for good?", for_good=True)
            return
        self.say("Session moved to the trash." if done == "trashed" else "Session deleted.")

    def _do(self, work: Awaitable[None]) -> None:
        """Do something beside, then list anew."""

        async def doing() -> None:
            try:
                await work
            except PiError as error:
                self.say(str(error), "error")
            self._refresh()

        task = asyncio.ensure_future(doing())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def sessions_of(path: Path | None, cwd: Path, agent_dir: Path, setting: str | None) -> SessionDir:
    """Where to look for sessions beside the one at `path`, which works in `cwd`.

    A session that lies outside of Pi's own folders was put there by a flag or a setting: its siblings do too.
    """
    from pi.harness.storage.files import session_dir

    found = session_dir(agent_dir, cwd, env=os.environ, setting=setting)
    if path is None or path.parent == found.path or path.is_relative_to(found.root):
        return found
    return structs.replace(found, path=path.parent, chosen=True)
