"""What the keys of the application do: one function for each action, and which key goes where."""

from collections.abc import Callable
from functools import partial

from pi.modes.tui.interface import Interface
from pi.modes.tui.keys.key import Key
from pi.modes.tui.searching import SearchLine

TWICE_S = 0.5  # within this time a second Escape or Ctrl+C means more than the first


def press(interface: Interface, key: Key) -> None:
    """A key was pressed: it goes to the search line, the panel, the transcript, the app or the editor."""
    interface.display.wake()
    if interface.search is not None:
        if not interface.search.key(key):
            interface.search = None
        return
    if interface.panel is not None:
        if interface.keymap.means(key, "tui.altScreen.search"):
            open_search(interface)
        else:
            interface.panel.key(key)
        return
    editor = interface.editor
    if editor.completing and editor.key(key):
        return
    if interface.keymap.action(key, _HISTORY) and editor.key(key):
        return
    if _shortcut(interface, key):
        return
    action = interface.keymap.action(key, ACTIONS)
    if action is not None and (action not in _ON_EMPTY or not editor.text):
        ACTIONS[action](interface)
    else:
        editor.key(key)


def paste(interface: Interface, text: str) -> None:
    """Text was pasted."""
    (interface.search or interface.panel or interface.editor).paste(text)


def interrupt(interface: Interface) -> None:
    """Escape: stop what runs; with nothing to stop, clear a shell command, or do what twice means."""
    session = interface.session
    if session.shell.running:
        session.shell.abort()
    elif session.busy or session.compacting:
        interface.spawn(_abort(interface))
    elif interface.selection:
        interface.selection.clear()
    elif interface.editor.text.startswith("!"):
        interface.editor.text = ""
    elif not interface.editor.text and _twice(interface, "escape"):
        from pi.modes.tui.commands.tree import double_escape

        interface.spawn(double_escape(interface))


async def _abort(interface: Interface) -> None:
    """Stop the run; what waited for it goes back into the editor."""
    await interface.session.abort(wait=False)
    if interface.session.queue:
        await dequeue(interface)


async def dequeue(interface: Interface) -> None:
    """Put what waits back into the editor, before what is there."""
    steering, following = await interface.session.queue.clear()
    held = [text for text, _ in interface.held]
    interface.held.clear()
    interface.show_waiting()
    texts = [*steering, *following, *held, interface.editor.text]
    interface.editor_text = "\n\n".join(text for text in texts if text)


def clear(interface: Interface) -> None:
    """Ctrl+C: copy what is selected, else clear the editor; twice: leave."""
    if interface.selection and not interface.session.setup.settings.flag("fullscreenCopyOnSelect"):
        interface.copy_selection()
        return
    if _twice(interface, "clear"):
        interface.quit()
        return
    if not interface.editor.text:
        label = interface.keymap.label("app.clear")
        interface.flash(f"{label} again to exit")
    interface.editor.text = ""


def copy_message(interface: Interface) -> None:
    """Copy the selection, or the last answer."""
    if interface.selection:
        interface.copy_selection()
    else:
        command(interface, "copy")


def follow_up(interface: Interface) -> None:
    """Let what is in the editor wait until the agent would stop."""
    from pi.modes.tui.submitting import submit

    text = interface.editor.expanded
    interface.editor.clear()
    submit(interface, text, when="follow_up")


def toggle_tools(interface: Interface) -> None:
    """Show outputs in full, or their ends alone."""
    interface.change_look(expanded=not interface.look.expanded)


def toggle_thinking(interface: Interface) -> None:
    """Show thinking in full, or one line for it; kept in the settings."""
    shown = not interface.look.thinking
    interface.session.setup.settings.save("hideThinkingBlock", not shown)
    interface.change_look(thinking=shown)


def cycle_model(interface: Interface, step: int) -> None:
    """Use the next model."""
    from pi.modes.tui.commands.model import cycle_model as cycle

    interface.spawn(_then_update(interface, cycle(interface, step)))


def cycle_thinking(interface: Interface) -> None:
    """Think at the next level."""
    from pi.modes.tui.commands.thinking import cycle_thinking as cycle

    interface.spawn(_then_update(interface, cycle(interface)))


async def _then_update(interface: Interface, work: object) -> None:
    await work  # type: ignore[misc]
    interface.footer.update()


def edit_elsewhere(interface: Interface) -> None:
    """Edit the text in the user's own editor."""
    import os

    from pi.modes.tui.editor.external import edit_elsewhere as edit
    from pi.modes.tui.editor.external import editor_command

    async def work() -> None:
        argv = editor_command(interface.session.setup.settings, os.environ)
        text = await edit(interface.editor.expanded, argv, interface.run_program)
        if text is not None:
            interface.editor_text = text

    interface.spawn(work())


def paste_image(interface: Interface) -> None:
    """Put the clipboard's image into a file and name it in the editor, or its text."""

    async def work() -> None:
        from pi.modes.tui.terminal.clipboard import read_image, read_text
        from pi.modes.tui.terminal.pasted import save_image

        image = await read_image()
        if image is not None:
            interface.editor.insert(f"{save_image(*image)} ")
        elif (text := await read_text()) is not None:
            interface.editor.paste(text)
        else:
            interface.flash("the clipboard is empty, or can't be read from here")

    interface.spawn(work())


def open_search(interface: Interface) -> None:
    """Search the transcript."""
    interface.search = SearchLine(interface.keymap, interface.transcript)


def command(interface: Interface, name: str) -> None:
    """Run a slash command."""
    from pi.modes.tui.commands import find_command

    found = find_command(name)
    if found is not None:
        interface.spawn(found.run(interface, ""))


def scroll(interface: Interface, pages: float, lines: int = 0) -> None:
    """Scroll by pages of the transcript, and by lines."""
    height = interface.transcript.height
    interface.transcript.scroll(int(pages * max(1, height - 1 if abs(pages) == 1 else height)) + lines)


def _shortcut(interface: Interface, key: Key) -> bool:
    """Whether an extension has this key: its function then runs."""
    for wanted, _ in interface.on_screen.shortcuts():
        if interface.keymap.same(key, wanted):
            interface.spawn(interface.on_screen.press(wanted))
            return True
    return False


def _twice(interface: Interface, name: str) -> bool:
    """Whether this was pressed a moment ago, too."""
    now, before = interface.clock(), interface.pressed.get(name, -TWICE_S * 2)
    interface.pressed[name] = -TWICE_S * 2 if now - before <= TWICE_S else now
    return now - before <= TWICE_S


_HISTORY = ("tui.editor.historyPrevious", "tui.editor.historyNext")
_ON_EMPTY = ("app.exit",)  # with a text in it they are the editor's
ACTIONS: dict[str, Callable[[Interface], object]] = {  # those of the transcript come before the app's
    "tui.altScreen.pageUp": partial(scroll, pages=-1),
    "tui.altScreen.pageDown": partial(scroll, pages=1),
    "tui.altScreen.halfPageUp": partial(scroll, pages=-0.5),
    "tui.altScreen.halfPageDown": partial(scroll, pages=0.5),
    "tui.altScreen.lineUp": partial(scroll, pages=0, lines=-1),
    "tui.altScreen.lineDown": partial(scroll, pages=0, lines=1),
    "tui.altScreen.top": lambda interface: interface.transcript.to_top(),
    "tui.altScreen.bottom": lambda interface: interface.transcript.to_end(),
    "tui.altScreen.previousPrompt": lambda interface: interface.transcript.jump(-1),
    "tui.altScreen.nextPrompt": lambda interface: interface.transcript.jump(1),
    "tui.altScreen.search": open_search,
    "app.interrupt": interrupt,
    "app.clear": clear,
    "app.exit": lambda interface: interface.quit(),
    "app.suspend": lambda interface: interface.display.stop_process(),
    "app.editor.external": edit_elsewhere,
    "app.clipboard.pasteImage": paste_image,
    "app.session.new": partial(command, name="new"),
    "app.session.tree": partial(command, name="tree"),
    "app.session.fork": partial(command, name="fork"),
    "app.session.resume": partial(command, name="resume"),
    "app.model.select": partial(command, name="model"),
    "app.model.cycleForward": partial(cycle_model, step=1),
    "app.model.cycleBackward": partial(cycle_model, step=-1),
    "app.thinking.cycle": cycle_thinking,
    "app.thinking.toggle": toggle_thinking,
    "app.tools.expand": toggle_tools,
    "app.message.copy": copy_message,
    "app.message.followUp": follow_up,
    "app.message.dequeue": lambda interface: interface.spawn(dequeue(interface)),
}
