"""The process in which `pi ext` runs foreign code: it loads, tries, and writes down what it found.

    python -m pi.modes.ext.probe RESULT check PATH NAME EMPTY_FOLDER
    python -m pi.modes.ext.probe RESULT list CWD

It ends by os._exit, so that no thread or atexit function of an extension can keep it.
"""

import asyncio
import os
import re
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pi.harness.events import ExtensionFailed
from pi.harness.extensions.described import describe
from pi.harness.extensions.finding import Source, find_extensions
from pi.harness.extensions.host import ExtensionHost
from pi.harness.extensions.loading import Loaded, LoadError, load
from pi.modes.ext.report import Finding, Report, Reports
from pi.modes.ext.source_check import blocking_calls
from pi.modes.ext.watching import ImportTimes, Network, failing_lines

if TYPE_CHECKING:
    from pi.harness.extensions.declarations import Declared
    from pi.harness.session import Session

TRY_S = 20.0  # for one turn with a scripted model
_PLACE = re.compile(r"(.+?):(\d+): (.*)", re.DOTALL)


def main(words: Sequence[str]) -> None:
    """Do what the words say and end the process."""
    result, what, *rest = words
    sys.argv = ["pi"]
    work = _checked(rest[0], rest[1], Path(rest[2])) if what == "check" else _listed(Path(rest[0]))

    async def finish() -> None:
        Path(result).write_bytes(msgspec.json.encode(await work))
        _end(0)  # inside the loop, whose end would wait for tasks that can't be cancelled

    asyncio.run(finish())


def _end(code: int) -> None:
    """End at once, but for what an extension printed and nobody has written yet."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # closed, replaced or taken away by the extension
            stream.flush()
    os._exit(code)


async def _checked(path: str, name: str, folder: Path) -> Reports:
    source = next(each for each in find_extensions([], [path], Path.cwd(), []) if each.name == name)
    report = await _Check(source, folder).report()
    return Reports((report,))


async def _listed(cwd: Path) -> Reports:
    from pi.harness.extensions.joining import RENAMES, merged
    from pi.harness.settings import load_settings
    from pi.harness.storage.files import agent_dir
    from pi.sdk import ExtensionChoice, load_extensions

    home = agent_dir(os.environ)
    host = await load_extensions(cwd, home, ExtensionChoice())
    if host is None:
        return Reports(())
    declared = [(each.name, each.declared) for each in host.roster.extensions]
    _, clashes = merged(declared, load_settings(home, None).get(RENAMES, {}))
    problems: dict[str, list[Finding]] = {}
    for name, text in [*((each.extension, each.text) for each in host.problems), *clashes]:
        problems.setdefault(name, []).append(_placed("error", text))
    reports = [
        Report(
            each.name,
            str(each.source.path),
            each.source.scope,
            describe(each.declared),
            tuple(problems.pop(each.name, ())),
        )
        for each in host.roster.extensions
    ]
    reports += [Report(name, "not loaded", findings=tuple(found)) for name, found in problems.items()]
    return Reports(tuple(reports))


class _Check:
    """Everything that is tried with one extension."""

    def __init__(self, source: Source, folder: Path):
        self._source = source
        self._folder = folder
        self._findings: list[Finding] = []
        self._network = Network()

    async def report(self) -> Report:
        """Load it, let it live for one turn, look at what it left."""
        self._network.refuse()
        declares = None
        with ImportTimes() as imports:
            loaded = self._loaded()
        if loaded is not None:
            self._findings += imports.findings()
            host = ExtensionHost()
            extension = await host.roster.declare(self._source, loaded, loaded.factory)
            self._findings += [_placed("error", problem.text) for problem in host.problems]
            if extension is not None:
                declares = describe(extension.declared)
                self._findings += declared_findings(extension.declared, str(self._source.path))
                await self._lived(host, extension.declared)
        files = loaded.files if loaded is not None else (self._source.path,)
        self._findings += blocking_calls(files)
        self._findings += self._network.findings()
        findings = sorted(self._findings, key=lambda finding: (finding.level, finding.file, finding.line))
        path = str(self._source.path)
        return Report(self._source.name, path, self._source.scope, declares, tuple(findings))

    def _loaded(self) -> Loaded | None:
        try:
            return load(self._source)
        except LoadError as error:
            file = str(error.file or self._source.path)
            why = str(error).partition("): " if "): " in str(error) else ": ")[2]
            self._findings.append(Finding("error", why, file, error.line or 0))
            return None

    async def _lived(self, host: ExtensionHost, declared: "Declared") -> None:
        """A session of one turn; what fails at its start and end is wrong, what fails between may be ours."""
        from pi.sdk import create_agent_session
        from pi.testing import ScriptedModel

        lines = failing_lines(declared)
        project = self._folder / "project"
        project.mkdir()
        session = await create_agent_session(
            cwd=project,
            agent_dir=self._folder / "agent",
            model=ScriptedModel(after="Hello.").model,
            extensions=host,
        )
        failures: list[ExtensionFailed] = []
        session.subscribe(
            lambda event: failures.append(event) if isinstance(event, ExtensionFailed) else None
        )
        threads = set(threading.enumerate())
        try:
            await asyncio.wait_for(_turn(session), TRY_S)
        except TimeoutError:
            text = (
                f"with it a conversation of one turn takes more than {TRY_S:.0f} s: a handler waits too long"
            )
            self._findings.append(Finding("error", text, str(self._source.path)))
        await session.close()
        await asyncio.sleep(0)  # what was cancelled ends now
        for failure in dict.fromkeys(failures):
            sure = failure.event in ("session_start", "session_shutdown", "loading", "resources_discover")
            level = "error" if sure and not self._network.asked else "warning"
            file, line = lines.get(failure.error, (str(self._source.path), 0))
            text = f"{failure.event}: {failure.error}"
            self._findings.append(Finding(level, text, file, line))
        self._findings += _left(threads)


async def _turn(session: "Session") -> None:
    await session.start()
    await session.prompt("Hello")
    await session.wait_idle()


def _left(threads: set[threading.Thread]) -> list[Finding]:
    """What still runs after the end of the session."""
    findings: list[Finding] = []
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        code: Any = getattr(task.get_coro(), "cr_code", None)
        name = getattr(code, "co_qualname", task.get_name())
        text = f"the task {name} still runs after session_shutdown: start it with ctx.task({name}())"
        findings.append(
            Finding("warning", text, getattr(code, "co_filename", ""), getattr(code, "co_firstlineno", 0))
        )
    for thread in set(threading.enumerate()) - threads:
        if not thread.daemon:
            text = f"the thread {thread.name} still runs after session_shutdown: end it in that handler"
            findings.append(Finding("warning", text))
    return findings


def declared_findings(declared: "Declared", file: str) -> list[Finding]:
    """What is wrong with tools, and which descriptions are missing."""
    from pi.harness.extensions.described import parameters_of
    from pi.modes.ext.schema_check import refused

    findings: list[Finding] = []
    for tool in declared.tools.values():
        findings += [Finding("error", f"tool {tool.name}: {why}", file) for why in refused(tool)]
        silent = [each.name for each in parameters_of(tool.parameters) if not each.description]
        if silent:
            text = f"tool {tool.name}: nothing tells the model what {', '.join(silent)} means: write"
            how = 'Annotated[str, "what it is"], or a "description" into the schema'
            findings.append(Finding("warning", f"{text} {how}", file))
    for kind, things in (("command /", declared.commands), ("flag --", declared.flags)):
        findings += [
            Finding("warning", f"{kind}{name} has no description: people see it in lists and in help", file)
            for name, thing in things.items()
            if not thing.description
        ]
    findings += [
        Finding("warning", f"setting {name} has no description: nobody will know what it does", file)
        for name, setting in declared.settings.items()
        if not setting.description
    ]
    return findings


def _placed(level: Any, text: str) -> Finding:
    """A finding from a text that may begin with its place."""
    if found := _PLACE.match(text):
        return Finding(level, found[3], found[1], int(found[2]))
    return Finding(level, text)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BaseException:  # whatever it was, the process ends now, and its caller shows the last lines
        traceback.print_exc()
        _end(70)
