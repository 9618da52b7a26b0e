"""What to do when no model can be used: what was looked for, which local servers answer, how to go on."""

import os
from pathlib import Path

from pi.harness.storage.files import agent_dir as find_agent_dir
from pi.llm.local_servers import LocalServer, find_local_servers, none_answers
from pi.llm.logins.doing import login_methods
from pi.llm.registry import MissingKeyError, ModelRegistry
from pi.platform.errors import PiError


async def explain(error: PiError) -> str:
    """The text for people; it asks the usual local ports, nothing else."""
    agent_dir = find_agent_dir(os.environ)
    registry = ModelRegistry(agent_dir)
    provider = error.provider if isinstance(error, MissingKeyError) else None
    servers = await find_local_servers()
    lines = [str(error), "", "Looked for:"]
    lines += [f"  {place}" for place in _places(registry, agent_dir, provider)]
    lines += ["", "Local servers:"]
    lines += [f"  {server.name} at {server.summary}" for server in servers] or [f"  {none_answers()}"]
    lines += ["", "To go on, one of:"]
    lines.append(f"  {_login_advice(provider)}")
    if names := registry.key_names(provider):
        name = next((name for name in names if name.endswith("_API_KEY")), names[0])
        lines.append(f"  export {name}=your-key")
    lines += _local_advice(agent_dir / "models.json", servers)
    lines.append("  pi demo    to see Pi at work with a scripted model, without a key")
    return "\n".join(lines)


def _places(registry: ModelRegistry, agent_dir: Path, provider: str | None) -> list[str]:
    if provider is not None:
        return registry.searched_for(provider)
    names = ", ".join(registry.key_names(None))
    return [f"keys in {agent_dir / 'auth.json'}", f"providers in {agent_dir / 'models.json'}", names]


def _login_advice(provider: str | None) -> str:
    if provider is None:
        return "pi auth login    to log in with an account, or to store a key"
    account = "with an account" if login_methods(provider) else "with a key"
    return f"pi auth login {provider}    to log in {account}"


def _local_advice(path: Path, servers: list[LocalServer]) -> list[str]:
    """How the models of a local server become usable."""
    server = next((server for server in servers if server.models), None)
    if server is None:
        return [f"  start a local server, or add a provider to {path}"]
    ref = f"{server.provider}/{server.models[0]}"
    return [f"  pi update --models {server.provider}    and then: pi --model {ref} -p 'your prompt'"]
