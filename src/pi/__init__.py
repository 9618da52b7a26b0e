"""Pi: a minimal coding-agent harness. These are the names for programs; each is imported when it is used."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pi.agent.events import MessageEnd, MessageUpdate, ToolExecutionEnd, ToolExecutionStart
    from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult
    from pi.harness.accounts import auth_status, login, logout
    from pi.harness.events import AgentSettled
    from pi.harness.other_models import classify, generate_images
    from pi.harness.session import Session
    from pi.harness.storage.store import Store
    from pi.llm.events import BlockDelta
    from pi.llm.logins import LoginScreen
    from pi.llm.messages import AssistantMessage, Image
    from pi.llm.models import Model
    from pi.llm.questions import BoolQuestion, ChoiceQuestion, ScoreQuestion
    from pi.once import RunError, run, run_sync
    from pi.platform.errors import PiError
    from pi.sdk import (
        ExtensionChoice,
        ModelChoice,
        NoModelError,
        PromptChoice,
        ResourceChoice,
        ToolChoice,
        create_agent_session,
    )

__all__ = [
    "AgentSettled",
    "AssistantMessage",
    "BlockDelta",
    "BoolQuestion",
    "ChoiceQuestion",
    "ExtensionChoice",
    "Image",
    "LoginScreen",
    "MessageEnd",
    "MessageUpdate",
    "Model",
    "ModelChoice",
    "NoModelError",
    "PiError",
    "PromptChoice",
    "ResourceChoice",
    "RunError",
    "ScoreQuestion",
    "Session",
    "Store",
    "Tool",
    "ToolChoice",
    "ToolContext",
    "ToolError",
    "ToolExecutionEnd",
    "ToolExecutionStart",
    "ToolResult",
    "auth_status",
    "classify",
    "create_agent_session",
    "generate_images",
    "login",
    "logout",
    "run",
    "run_sync",
]
_HOMES = {
    "pi.agent.events": ("MessageEnd", "MessageUpdate", "ToolExecutionEnd", "ToolExecutionStart"),
    "pi.agent.tool": ("Tool", "ToolContext", "ToolError", "ToolResult"),
    "pi.harness.accounts": ("auth_status", "login", "logout"),
    "pi.harness.events": ("AgentSettled",),
    "pi.harness.other_models": ("classify", "generate_images"),
    "pi.harness.session": ("Session",),
    "pi.harness.storage.store": ("Store",),
    "pi.llm.events": ("BlockDelta",),
    "pi.llm.logins": ("LoginScreen",),
    "pi.llm.messages": ("AssistantMessage", "Image"),
    "pi.llm.models": ("Model",),
    "pi.llm.questions": ("BoolQuestion", "ChoiceQuestion", "ScoreQuestion"),
    "pi.once": ("RunError", "run", "run_sync"),
    "pi.platform.errors": ("PiError",),
    "pi.sdk": (
        "ExtensionChoice",
        "ModelChoice",
        "NoModelError",
        "PromptChoice",
        "ResourceChoice",
        "ToolChoice",
        "create_agent_session",
    ),
}

if not TYPE_CHECKING:  # a checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        for module, names in _HOMES.items():
            if name in names:
                from importlib import import_module

                return getattr(import_module(module), name)
        raise AttributeError(f"module 'pi' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return [*globals(), *__all__]
