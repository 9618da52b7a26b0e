"""Where everything is joined: `create_agent_session` makes a session of folders, settings, model, tools."""

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from pi.agent.guard import StreamGuard
from pi.agent.tool import Tool
from pi.harness.discovery import Side, find_resources, project_side, user_side
from pi.harness.extensions.installed import ExtensionChoice, load_extensions, new_host, trusted_in
from pi.harness.extensions.late import LateHost
from pi.harness.models.choice import ModelChoice, choose_model, take_roles
from pi.harness.models.choice import NoModelError as NoModelError
from pi.harness.models.health import Health
from pi.harness.prompts import PromptTemplate, load_templates
from pi.harness.resources import find_context_files, prompt_file, text_or_file
from pi.harness.session import Session
from pi.harness.settings import Settings, load_settings
from pi.harness.skills import Skill, load_skills
from pi.harness.state import Made, Setup
from pi.harness.storage.files import agent_dir as find_agent_dir
from pi.harness.storage.store import Store
from pi.harness.system_prompt import build_sections
from pi.harness.toolbox import Toolbox
from pi.harness.ui import UI
from pi.llm.messages import CacheRetention
from pi.llm.models import Model
from pi.llm.registry import ModelRegistry
from pi.tools import BUILTIN_TOOLS, DEFAULT_TOOLS, change_tools, select_tools

if TYPE_CHECKING:
    from pi.harness.extensions.host import ExtensionHost


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
    trust: bool | Callable[[Path], bool | None] | None = None,
    guard: StreamGuard | None = None,
) -> Session:
    """A session, ready to be prompted; without a `store` it is saved nowhere.

    Raises NoModelError when no model can be used, ConfigError for a model or a tool set that doesn't exist.
    Warnings about settings, models.json, skills, templates, extensions and the choice of the model are in the
    session's `warnings`. `trust` may be a function of the folder, where a session can move to others.
    """
    cwd = (cwd or Path.cwd()).absolute()
    agent_dir = agent_dir or find_agent_dir(os.environ)
    store = store or Store.in_memory(cwd)
    choice = model if isinstance(model, ModelChoice) else ModelChoice(model)
    trust_in: Callable[[Path], bool | None] = trust if callable(trust) else partial(_same_everywhere, trust)
    if extensions is None or isinstance(extensions, ExtensionChoice):
        wanted = extensions or ExtensionChoice()
        load = partial(load_extensions, cwd, agent_dir, wanted, ui=ui, trust=trust_in(cwd))
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
            trust_in(store.cwd),
            guard,
            make,
        )

    made = await make(store)
    session = Session(store, made.model, made.thinking_level, made.setup)
    session.state.role = made.role
    session.models.begin()
    session.warnings += [*made.warnings, *map(str, host.host.problems if host.host is not None else ())]
    return session


def _same_everywhere(trust: bool | None, cwd: Path) -> bool | None:
    return trust


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
    take_roles(registry, settings, warnings)
    if host is not None:
        host.offer_models(registry, settings)
    chosen = choose_model(registry, settings, store, choice, warnings)
    if choice.api_key:
        registry.use_key(chosen.model.provider, choice.api_key)
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

    budget = None
    if settings.get("budgets") is not None:
        from pi.harness.spending.budget import budget_for

        budget = budget_for(settings, agent_dir, store, warnings)
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
        health=Health(agent_dir),
        budget=budget,
    )
    level = chosen.thinking or "off"
    return Made(setup, chosen.model, level, (*warnings, *registry.warnings), chosen.role)


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
