"""The list of completions: what is found, what accepting it puts into the text."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from pi.modes.tui.editor.completions import Completions, Item, Source
from pi.modes.tui.editor.editor import Editor
from pi.modes.tui.editor.files import Files
from pi.modes.tui.editor.paths import Paths
from pi.modes.tui.editor.slash import SlashArguments, SlashNames
from pi.modes.tui.editor.triggers import Triggers
from tests.modes.tui.editor.support import editor, press, see, type_in

COMMANDS = (
    Item("model", "model", "Choose a model"),
    Item("compact", "compact", "Make room"),
    Item("skill:review", "skill:review", "Look at changes"),
)


def _arguments(name: str, prefix: str) -> list[Item]:
    found = [Item("opus", "opus", "the large one"), Item("haiku")] if name == "model" else []
    return [each for each in found if each.value.startswith(prefix)]


def _slash() -> Editor:
    return editor(completions=Completions([SlashNames(lambda: COMMANDS), SlashArguments(_arguments)]))


def within(test: Callable[[Path], Awaitable[None]], folder: Path) -> None:
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "my notes").mkdir()
    for name in ("src/main.py", "src/deep/domain.py", "my notes/a b.md", "README.md", ".hidden", "dist.log"):
        (folder / name).write_text("")
    (folder / ".git").mkdir()
    (folder / ".gitignore").write_text("*.log\n")
    asyncio.run(test(folder))


async def _typed(source: Source, text: str, *keys: str) -> Editor:
    made = editor(completions=Completions([source]))
    type_in(made, text)
    press(made, *keys)
    await made.completions.wait()
    return made


def _labels(made: Editor) -> list[str]:
    return [item.label for item in made.completions.items]


def test_a_slash_lists_the_commands() -> None:
    made = _slash()
    type_in(made, "/")
    assert see(made, 50)[3:] == [
        "→ model         Choose a model",
        "  compact       Make room",
        "  skill:review  Look at changes",
    ]
    type_in(made, "rev")
    assert _labels(made) == ["skill:review"]


def test_enter_sends_a_command_at_once_and_tab_puts_it_there() -> None:
    made = _slash()
    sent: list[str] = []
    made.on_submit = sent.append
    type_in(made, "/comp")
    press(made, "tab")
    assert (made.text, sent, made.completing) == ("/compact ", [], False)
    made.clear()
    type_in(made, "/comp")
    press(made, "enter")
    assert (made.text, sent) == ("", ["/compact"])


def test_arguments_are_completed_and_then_sent() -> None:
    made = _slash()
    sent: list[str] = []
    made.on_submit = sent.append
    type_in(made, "/model ")
    assert _labels(made) == ["opus", "haiku"]
    press(made, "down", "enter")
    assert (made.text, sent) == ("/model haiku", [])
    press(made, "enter")
    assert sent == ["/model haiku"]


def test_an_argument_that_is_complete_is_sent_by_the_first_enter() -> None:
    made = _slash()
    sent: list[str] = []
    made.on_submit = sent.append
    type_in(made, "/model opus")
    press(made, "enter")
    assert sent == ["/model opus"]


def test_escape_closes_the_list_and_a_slash_elsewhere_opens_none() -> None:
    made = _slash()
    type_in(made, "/mo")
    press(made, "escape")
    assert (made.completing, made.text) == (False, "/mo")
    made.clear()
    type_in(made, "a\n/mo".replace("\n", ""))
    assert not made.completing


def test_a_long_list_shows_some_and_counts() -> None:
    many = [Item(f"command{number:02}") for number in range(12)]
    made = editor(completions=Completions([SlashNames(lambda: many)]))
    type_in(made, "/")
    press(made, "pageDown", "up")
    assert see(made)[3:] == [
        "  command02",
        "  command03",
        "→ command04",
        "  command05",
        "  command06",
        "  5/12",
    ]
    press(made, "pageUp", "up")
    assert see(made)[-1] == "  12/12"
    assert len(see(made, height=6)) == 6


def test_files_are_found_by_parts_of_their_names(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        files = Files(lambda: folder)
        assert _labels(await _typed(files, "look @main")) == ["main.py", "domain.py"]
        assert _labels(await _typed(files, "@log")) == []
        assert sorted(_labels(await _typed(files, "@hidden"))) == [".hidden"]
        made = await _typed(files, "look @main")
        press(made, "enter")
        assert made.text == "look @src/main.py "

    within(test, tmp_path)


def test_directories_are_found_too_and_one_goes_on_in_them(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        made = await _typed(Files(lambda: folder), "@deep")
        press(made, "tab")
        assert made.text == "@src/deep/"
        await made.completions.wait()
        assert _labels(made) == ["domain.py"]
        press(made, "tab")
        assert made.text == "@src/deep/domain.py "

    within(test, tmp_path)


def test_a_path_with_spaces_is_quoted(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        made = await _typed(Files(lambda: folder), "@notes")
        press(made, "tab")
        assert (made.text, made.place) == ('@"my notes/"', (0, 11))
        await made.completions.wait()
        press(made, "tab")
        assert made.text == '@"my notes/a b.md" '

    within(test, tmp_path)


def test_typing_on_ends_the_search_before(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        made = editor(completions=Completions([Files(lambda: folder)]))
        type_in(made, "@main")
        await made.completions.wait()
        type_in(made, "x ")
        await made.completions.wait()
        assert not made.completing

    within(test, tmp_path)


def test_tab_completes_paths_and_a_single_one_at_once(tmp_path: Path) -> None:
    async def test(folder: Path) -> None:
        paths = Paths(lambda: folder)
        assert (await _typed(paths, "see src/ma", "tab")).text == "see src/main.py"
        assert (await _typed(paths, "./my", "tab")).text == './"my notes/"'.replace('./"', '"./')
        assert (await _typed(paths, f"{folder}/READ", "tab")).text == f"{folder}/README.md"
        assert _labels(await _typed(paths, "", "tab"))[:4] == [".git/", "my notes/", "src/", ".gitignore"]
        assert _labels(await _typed(paths, "src")) == []

    within(test, tmp_path)


def test_tab_knows_the_home_directory(tmp_path: Path, monkeypatch) -> None:
    async def test(folder: Path) -> None:
        monkeypatch.setenv("HOME", str(folder))
        assert (await _typed(Paths(lambda: Path("/")), "~/REA", "tab")).text == "~/README.md"

    within(test, tmp_path)


def test_extensions_complete_the_words_that_begin_so() -> None:
    async def issues(word: str) -> list[str]:
        return [f"{word}1", f"{word}2"]

    async def test() -> None:
        triggers = Triggers(lambda: {"#": issues, "#!": lambda word: ["#!now"]})
        made = await _typed(triggers, "fix #4")
        assert _labels(made) == ["#41", "#42"]
        press(made, "down", "enter")
        assert made.text == "fix #42"
        assert _labels(await _typed(triggers, "#!")) == ["#!now"]

    asyncio.run(test())
