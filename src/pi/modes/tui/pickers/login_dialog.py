"""What is shown while somebody logs in: the page to open, the code to type in there, and what is asked."""

import asyncio
from collections.abc import Awaitable, Callable

from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import EMPTY, Line, beside, clean, clip, wrap
from pi.modes.tui.panels.frame import GUTTER, FramedPanel, Hint
from pi.modes.tui.panels.line_input import LineInput
from pi.modes.tui.stage import Stage

COPY = "ctrl+x"
_CONFIRM, _CANCEL = "tui.select.confirm", "tui.select.cancel"
_PASTE = "If the browser doesn't come back here by itself, paste the address where it ended:"


class LoginDialog(FramedPanel[None]):
    """What a login asks, as a panel. Escape ends it, or whoever shows it."""

    def __init__(
        self,
        keymap: Keymap,
        title: str,
        *,
        open_page: Callable[[str], bool],
        copy: Callable[[str], Awaitable[bool]],
    ):
        super().__init__(keymap, title)
        self.url = ""
        self.code: str | None = None
        self._open_page, self._copy = open_page, copy
        self._opened = False
        self._told: list[tuple[str, str]] = []
        self._question = ""
        self._wrong = ""
        self._may_be_empty = False
        self._input: LineInput | None = None
        self._reply: asyncio.Future[str | None] | None = None
        self._copying: asyncio.Task[None] | None = None
        self._at = 0

    async def show(self, url: str, *, code: str | None = None) -> None:
        """A page to open, and the code to type in there."""
        self.url, self.code = url, code
        self._opened = self._open_page(url)
        self.changed()

    async def paste_address(self, wrong: str) -> str | None:
        """See `LoginScreen.paste`, whose name a panel has for something else."""
        self._wrong, self._may_be_empty = wrong, False
        return await self._ask(_PASTE, "http://localhost/…?code=…", secret=False)

    async def ask(self, title: str, placeholder: str = "", *, secret: bool = False) -> str | None:
        """A question that the login can't do without."""
        self._wrong, self._may_be_empty = "", True  # a login may have an answer of its own for nothing
        return await self._ask(title, placeholder, secret=secret)

    def tell(self, text: str) -> None:
        """What is going on."""
        self._say(text, "muted")

    def lines(self, width: int, height: int) -> list[Line]:
        hints: list[Hint] = [(_CONFIRM, "submit")] if self._input is not None else []
        if self.url:
            hints.append((COPY, "copy the address"))
        frame = self.framed(width, height, [*hints, (_CANCEL, "cancel")])
        room = max(1, width - 2)
        body: list[Line] = []
        for text, style in self._told[-4:]:
            body += wrap(((clean(text), style),), room)
        if self.url:
            body += [EMPTY] if body else []
            body += self._page(room)
        if self._input is not None:
            body += [EMPTY] if body else []
            body += self._asked(room)
            # the input must be seen, whatever stands above it
            body = body[-frame.rows :]
            self._at = frame.top + len(body) - 1
        elif not body:
            body = [(("One moment…", "muted"),)]
        return frame.lines([clip(line, width) for line in beside(body, (GUTTER,))])

    def key(self, key: Key) -> None:
        if self.keymap.means(key, _CANCEL):
            self.finish(None)
        elif key.name == COPY and self.url:
            self._copying = asyncio.ensure_future(self._copy_url())
        elif self._input is None:
            return
        elif self.keymap.means(key, _CONFIRM):
            self._submit(self._input.text)
        else:
            self._input.key(key)
        self.changed()

    def paste(self, text: str) -> None:
        if self._input is not None:
            self._input.paste(text.strip())
            self.changed()

    def cursor(self) -> tuple[int, int] | None:
        return None if self._input is None else (self._at, 4 + self._input.column)

    async def _ask(self, question: str, placeholder: str, *, secret: bool) -> str | None:
        self._question = question
        self._input = LineInput(self.keymap, placeholder=placeholder, secret=secret)
        self._reply = asyncio.get_running_loop().create_future()
        self.changed()
        try:
            return await self._reply
        finally:  # also when the redirect has come meanwhile
            self._input = self._reply = None
            self.changed()

    def _submit(self, text: str) -> None:
        reply = self._reply
        if reply is not None and not reply.done() and (text.strip() or self._may_be_empty):
            reply.set_result(text.strip())

    async def _copy_url(self) -> None:
        if await self._copy(self.url):
            self._say("The address is on the clipboard.", "success")
        else:
            self._say("There is no way to the clipboard here: mark the address with the mouse.", "warning")

    def _say(self, text: str, style: str) -> None:
        self._told.append((text, style))
        self.changed()

    def _page(self, room: int) -> list[Line]:
        url = clean(self.url)
        head = "Your browser opens this page:" if self._opened else "Open this page:"
        link = f"link:{url} " if len(url.split()) == 1 else ""
        lines: list[Line] = [((head, ""),), *wrap(((url, f"{link}mdLink underline"),), room)]
        if self.code is not None:
            code: Line = (("and type in this code:  ", ""), (clean(self.code), "accent bold"))
            lines += [EMPTY, *wrap(code, room)]
        return [*lines, EMPTY, (("Waiting for you to allow the access…", "muted"),)]

    def _asked(self, room: int) -> list[Line]:
        assert self._input is not None
        wrong = wrap(((clean(self._wrong), "warning"),), room) if self._wrong else []
        question = wrap(((clean(self._question), ""),), room)
        return [*wrong, *question, (("> ", "accent"), *self._input.line(max(1, room - 2)))]


class DialogScreen:
    """The dialog as a login sees it: see `pi.llm.logins.LoginScreen`."""

    def __init__(self, dialog: LoginDialog):
        self._dialog = dialog
        self.show, self.ask, self.tell = dialog.show, dialog.ask, dialog.tell

    async def paste(self, wrong: str) -> str | None:
        """The address or code that people paste."""
        return await self._dialog.paste_address(wrong)


async def run_login(
    stage: Stage,
    title: str,
    log_in: Callable[[DialogScreen], Awaitable[None]],
    open_page: Callable[[str], bool],
) -> bool:
    """Show the dialog until the login has ended; False when people gave up. Raises what the login raises."""
    dialog = LoginDialog(stage.keymap, title, open_page=open_page, copy=stage.copy)
    work = asyncio.ensure_future(log_in(DialogScreen(dialog)))
    work.add_done_callback(lambda _: dialog.finish(None))
    try:
        await stage.ask(dialog)
    finally:
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
    if work.cancelled():
        return False
    work.result()
    return True
