"""The system prompt: named sections that sessions store, and patch when they change."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pi.agent.tool import Tool
from pi.harness.resources import ContextFile
from pi.harness.skills import Skill, advertise
from pi.harness.state import SessionState
from pi.llm.messages import SystemMessage
from pi.llm.transcript import fold_system, tool_changes
from pi.platform.clock import now_ms

PREAMBLE = (
    "You are Pi, a coding agent. You work in the user's folder with the tools below: look first, change what "
    "is needed, check that it works, then say in a few words what you did."
)
CLOSING_RULES = ("Be brief.", "Give files as relative paths from the working directory.")
SEARCH_RULE = "Use bash with ls, rg or find to look around."
SEARCH_TOOLS = ("grep", "find", "ls")


def build_sections(
    *,
    cwd: Path,
    tools: Sequence[Tool],
    docs: Path,
    custom: str | None = None,
    append: Sequence[str] = (),
    context_files: Sequence[ContextFile] = (),
    skills: Sequence[Skill] = (),
) -> dict[str, str]:
    """The prompt by section, in its order; `custom` replaces preamble, tools, rules and docs."""
    sections: dict[str, str] = {}
    if custom:
        sections["preamble"] = custom
    else:
        sections["preamble"] = PREAMBLE
        sections["tools"] = _tool_list(tools)
        sections["rules"] = "\n".join(f"- {rule}" for rule in _rules(tools))
        sections["docs"] = f"Only when asked about Pi itself, or to extend it with new tools: read {docs}"
    if append:
        sections["addendum"] = "\n\n".join(append)
    if context_files:
        sections["project_context"] = _project_context(context_files)
    if advertised := advertise(skills, [tool.name for tool in tools]):
        sections["skills"] = advertised
    sections["cwd"] = cwd.as_posix()
    return {
        name: text if name == "preamble" else f"<{name}>\n{text}\n</{name}>"
        for name, text in sections.items()
    }


def changed_sections(before: Mapping[str, str | None], now: Mapping[str, str]) -> dict[str, str | None]:
    """The patch that turns one prompt into the other; None removes a section."""
    patch: dict[str, str | None] = {name: text for name, text in now.items() if before.get(name) != text}
    patch.update({name: None for name in before if name not in now})
    return patch


def prompt_update(state: SessionState) -> SystemMessage | None:
    """The change of prompt and tools since the transcript last told of them, None when there is none."""
    told = [message for message in state.transcript if isinstance(message, SystemMessage)]
    before: dict[str, str | None] = {}
    for message in told:
        before.update(message.sections or {})
    known = {name: text for name, text in before.items() if text is not None}
    sections = changed_sections(known, state.sections)
    added, removed = tool_changes(fold_system(told).tools, [tool.declaration for tool in state.tools])
    if not (sections or added or removed):
        return None
    return SystemMessage("", now_ms(), sections or None, tuple(added) or None, tuple(removed) or None)


def _tool_list(tools: Sequence[Tool]) -> str:
    return "\n".join(f"- {tool.name}: {tool.snippet}" for tool in tools if tool.snippet) or "(none)"


def _rules(tools: Sequence[Tool]) -> list[str]:
    names = {tool.name for tool in tools}
    rules = [SEARCH_RULE] if "bash" in names and not names.intersection(SEARCH_TOOLS) else []
    rules += [rule for tool in tools for rule in tool.guidelines]
    return list(dict.fromkeys((*rules, *CLOSING_RULES)))


def _project_context(files: Sequence[ContextFile]) -> str:
    blocks = [
        f'<project_instructions path="{file.path}">\n{file.text}\n</project_instructions>' for file in files
    ]
    return "\n\n".join(("Project-specific instructions and guidelines:", *blocks))
