"""Where everything is joined: `create_agent_session` makes a session of folders, settings, model, tools."""

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from pi.agent.guard import StreamGuard
from pi.agent.tool import Tool
from pi.harness.context import restore_model, restore_thinking_level
from pi.harness.discovery import Side, find_resources, project_side, user_side
from pi.harness.extensions.installed import ExtensionChoice, load_extensions, new_host, trusted_in
from pi.harness.extensions.late import LateHost
from pi.harness.model_switch import has_messages
from pi.harness.prompts import PromptTemplate, load_templates
from pi.harness.resources import find_context_files, prompt_file, text_or_file
from pi.harness.session import Session
from pi.harness.session_files import agent_dir as find_agent_dir
from pi.harness.settings import Settings, load_settings
from pi.harness.skills import Skill, load_skills
from pi.harness.state import Made, Setup
from pi.harness.store import Store
from pi.harness.system_prompt import build_sections
from pi.harness.toolbox import Toolbox
from pi.harness.ui import UI
from pi.llm.messages import CacheRetention, ThinkingLevel
from pi.llm.models import LEVELS, Model, clamp_level
from pi.llm.patterns import initial_model, resolve_model, resolve_scope
from pi.llm.registry import ModelRegistry
from pi.platform.errors import PiError
from pi.tools import BUILTIN_TOOLS, DEFAULT_TOOLS, change_tools, select_tools

if TYPE_CHECKING:
    from pi.harness.extensions.host import ExtensionHost


class NoModelError(PiError):
    """No model was named, and none can be used: there is no key for any."""


class ModelChoice(Struct, frozen=True):
    """How the model is named: a pattern (or a model), its provider, or a scope (else `enabledModels`)."""

    pattern: str | Model | None = None
    provider: str | None = None
    scope: tuple[str, ...] = ()
    thinking: ThinkingLevel | None = None
    api_key: str | None = None  # for this process only
    stand_in: Model | None = None  # used when no model can be: nothing is asked before another is chosen


class ToolChoice(Struct, frozen=True):
    """Which tools the model gets: see `pi.tools.select_tools`; `extra` are the caller's own."""

    only: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    extra: tuple[Tool, ...] = ()


class PromptChoice(Struct, frozen=True):
    """What goes into the system prompt: texts, or the names of files that hold them."""

    system: str | None = None
    append: tuple[str, ...] = ()
    context_files: bool = True


class ResourceChoice(Struct, frozen=True):
    """Skills and prompt templates by path, and whether those of folders and settings are used too."""

    skills: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    find_skills: bool = True
    find_templates: bool = True


async def create_agent_session(
    *,
    cwd: Path | None = None,
    agent_dir: Path | None = None,
    store: Store | None = None,
    model: ModelChoice | Model | str | None = None,
    tools: ToolChoice | None = None,
    prompt: PromptChoice | None = None,
    resources: ResourceChoice | None = None,
    extensions: "ExtensionChoice | ExtensionHost | None" = None,
    ui: UI | None = None,
    trust: bool | None = None,
    guard: StreamGuard | None = None,
) -> Session:
    """A session, ready to be prompted; without a `store` it is saved nowhere.

    Raises NoModelError when no model can be used, ConfigError for a model or a tool set that doesn't exist.
    Warnings about settings, models.json, skills, templates, extensions and the choice of the model are in the
    session's `warnings`.
    """
    cwd = (cwd or Path.cwd()).absolute()
    agent_dir = agent_dir or find_agent_dir(os.environ)
    store = store or Store.in_memory(cwd)
    choice = model if isinstance(model, ModelChoice) else ModelChoice(model)
    if extensions is None or isinstance(extensions, ExtensionChoice):
        wanted = extensions or ExtensionChoice()
        load = partial(load_extensions, cwd, agent_dir, wanted, ui=ui, trust=trust)
        host = await load() or LateHost(partial(new_host, agent_dir, ui=ui), load)
    else:
        host = extensions

    async def make(store: Store) -> Made:
        return _make(
            store,
            agent_dir,
            choice,
            tools or ToolChoice(),
            prompt or PromptChoice(),
            resources or ResourceChoice(),
            host,
            ui,
            trust,
            guard,
            make,
        )

    made = await make(store)
    session = Session(store, made.model, made.thinking_level, made.setup)
    session.models.begin()
    session.warnings += [*made.warnings, *map(str, host.host.problems if host.host is not None else ())]
    return session


def _make(
    store: Store,
    agent_dir: Path,
    choice: ModelChoice,
    tools: ToolChoice,
    prompt: PromptChoice,
    resources: ResourceChoice,
    extensions: "ExtensionHost | LateHost",
    ui: UI | None,
    trust: bool | None,
    guard: StreamGuard | None,
    remake: Callable[[Store], Awaitable[Made]],
) -> Made:
    cwd = store.cwd
    user_settings = load_settings(agent_dir, None)
    host = extensions.host
    if host is not None:
        trust = host.trust.get(cwd, trust)
    trusted = trusted_in(cwd, agent_dir, user_settings, trust)
    settings = user_settings.with_project(cwd) if trusted else user_settings
    registry = ModelRegistry(agent_dir)
    warnings = list(settings.warnings)
    if host is not None:
        host.offer_models(registry, settings)
    chosen, level = _choose_model(registry, settings, store, choice, warnings)
    if choice.api_key:
        registry.use_key(chosen.provider, choice.api_key)
    sides = [
        *([project_side(cwd, settings.of_project())] if trusted else ()),
        user_side(agent_dir, user_settings),
    ]
    skills, templates = _resources(cwd, sides, resources, warnings)

    def sections(cwd: Path, system: str | None = None) -> Callable[[Sequence[Tool]], dict[str, str]]:
        return _sections(cwd, cwd if trusted else None, agent_dir, prompt, system, skills, warnings)

    def more(setup: Setup, skill_paths: Sequence[str], templates: Sequence[str], heard: list[str]) -> Setup:
        nonlocal resources, skills
        resources = structs.replace(
            resources,
            skills=(*resources.skills, *skill_paths),
            templates=(*resources.templates, *templates),
        )
        new: list[str] = []
        skills, found = _resources(cwd, sides, resources, new)
        heard += [warning for warning in new if warning not in heard]
        return structs.replace(setup, skills=skills, templates=found, sections=sections(cwd))

    setup = Setup(
        registry=registry,
        settings=settings,
        toolbox=_toolbox(settings, tools),
        sections=sections(cwd),
        agent_dir=agent_dir,
        skills=skills,
        templates=templates,
        guard=guard,
        cache_retention=_cache_retention(),
        long_lived=ui is not None and ui.mode in ("rpc", "tui"),
        trusted=trusted,
        extensions=extensions,
        shell=partial(_run_shell, settings.text("shellPath")),
        model_scope=choice.scope or tuple(settings.texts("enabledModels") or ()),
        more=more,
        remake=remake,
        prompt_of=sections,
    )
    return Made(setup, chosen, level, (*warnings, *registry.warnings))


def _choose_model(
    registry: ModelRegistry, settings: Settings, store: Store, choice: ModelChoice, warnings: list[str]
) -> tuple[Model, ThinkingLevel]:
    resumed = has_messages(store)
    suffix: ThinkingLevel | None = None
    found: Model | None = None
    if isinstance(choice.pattern, Model):
        found = choice.pattern
    elif choice.pattern is not None:
        resolved = resolve_model(
            registry, provider=choice.provider, pattern=choice.pattern, thinking=choice.thinking
        )
        found, suffix = resolved.model, resolved.thinking
        warnings += resolved.warnings
    elif resumed and (saved := restore_model(store.newest_first())):
        found = registry.find(*saved)
        if found is None or not registry.has_credentials(found.provider):
            warnings.append(
                f"Can't go on with {saved[0]}/{saved[1]}: no such model or no key. Another is used."
            )
            found = None
    if found is None:
        scope = choice.scope or settings.texts("enabledModels") or ()
        scoped, scope_warnings = resolve_scope(registry, scope)
        warnings += scope_warnings
        default = (settings.text("defaultProvider"), settings.text("defaultModel"))
        first = initial_model(registry, scoped=scoped, settings_default=default, continuing=resumed)
        if first is None and choice.stand_in is not None:
            return choice.stand_in, "off"
        if first is None:
            raise NoModelError("No model can be used: no key was found for any provider.")
        found, suffix = first.model, first.thinking
        warnings += first.warnings
    saved_level = restore_thinking_level(reversed(store.branch("thinking_level_change")))
    per_model = settings.get("modelThinkingLevels", {}).get(found.ref)
    for level in (choice.thinking, suffix, saved_level, per_model, settings.text("defaultThinkingLevel")):
        if level in LEVELS:
            return found, clamp_level(found, level)
    return found, clamp_level(found, "medium")


def _toolbox(settings: Settings, choice: ToolChoice) -> Toolbox:
    extra = {tool.name: tool for tool in choice.extra}
    builders = {name: partial(_builtin_tool, name, settings) for name in BUILTIN_TOOLS}
    builders |= {name: partial(_same, tool) for name, tool in extra.items()}

    def choose(known: Sequence[str], own: Sequence[str]) -> list[str]:
        default: Sequence[str] = DEFAULT_TOOLS
        for entries in settings.texts_of_each("defaultTools"):
            default = change_tools(default, entries, known)
        return select_tools(known, [*default, *extra, *own], only=choice.only, exclude=choice.exclude)

    return Toolbox(builders, choose)


def _same(tool: Tool) -> Tool:
    return tool


def _builtin_tool(name: str, settings: Settings) -> Tool:
    """Imports that tool alone: most sessions have four of the seven."""
    match name:
        case "read":
            from pi.tools.read import read_tool

            return read_tool(auto_resize_images=settings.flag("images.autoResize"))
        case "bash":
            from pi.tools.bash import bash_tool

            prefix = settings.text("shellCommandPrefix")
            return bash_tool(shell_path=settings.text("shellPath"), command_prefix=prefix)
        case "edit":
            from pi.tools.edit import edit_tool

            return edit_tool()
        case "write":
            from pi.tools.write import write_tool

            return write_tool()
        case "grep":
            from pi.tools.grep import grep_tool

            return grep_tool()
        case "find":
            from pi.tools.find import find_tool

            return find_tool()
        case _:
            from pi.tools.ls import ls_tool

            return ls_tool()


async def _run_shell(shell_path: str | None, command: str | Sequence[str], **how: Any) -> int:
    from pi.tools.bash import run_shell

    return await run_shell(command, shell_path=shell_path, **how)


def _resources(
    cwd: Path, sides: Sequence[Side], choice: ResourceChoice, warnings: list[str]
) -> tuple[tuple[Skill, ...], tuple[PromptTemplate, ...]]:
    skills = sides if choice.find_skills else ()
    templates = sides if choice.find_templates else ()
    return (
        load_skills(find_resources("skills", skills, choice.skills, cwd, warnings), warnings),
        load_templates(find_resources("prompts", templates, choice.templates, cwd, warnings), warnings),
    )


def _sections(
    cwd: Path,
    trusted_cwd: Path | None,
    agent_dir: Path,
    choice: PromptChoice,
    system: str | None,
    skills: Sequence[Skill],
    warnings: list[str],
) -> Callable[[Sequence[Tool]], dict[str, str]]:
    """Reads the prompt's files once; the result builds the sections for the tools that are active."""
    custom = system or (text_or_file(choice.system) if choice.system else None)
    custom = custom or prompt_file("SYSTEM.md", cwd=trusted_cwd, agent_dir=agent_dir)
    append = [text_or_file(text) for text in choice.append]
    if not append and (text := prompt_file("APPEND_SYSTEM.md", cwd=trusted_cwd, agent_dir=agent_dir)):
        append = [text]
    files = find_context_files(cwd, agent_dir, warnings) if choice.context_files else []

    def build(tools: Sequence[Tool]) -> dict[str, str]:
        return build_sections(
            cwd=cwd,
            tools=tools,
            docs=docs_dir(),
            custom=custom,
            append=append,
            context_files=files,
            skills=skills,
        )

    return build


def docs_dir() -> Path:
    """Where Pi's documentation lies: in the package, or beside it in a checkout."""
    package = Path(__file__).parent
    shipped = package / "docs"
    return shipped if shipped.is_dir() else package.parents[1] / "docs"


def _cache_retention() -> CacheRetention:
    return "long" if os.environ.get("PI_CACHE_RETENTION") == "long" else "short"
