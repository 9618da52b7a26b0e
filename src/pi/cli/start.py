"""From options to a running mode: the prompt is put together, a session made, a mode chosen."""

import asyncio
import gc
import os
import sys

from pi.cli.options import Options
from pi.cli.prompt import build_prompt
from pi.harness.session_files import agent_dir as find_agent_dir
from pi.llm.registry import ModelRegistry
from pi.platform.errors import PiError


def start(options: Options) -> int:
    """Run what the options ask for; the result is the exit code."""
    gc.set_threshold(200_000, 10, 10)  # a long session makes many objects and no garbage: 10 % of its start
    os.environ["AI_AGENT"] = "pi"
    os.environ["PI_CODING_AGENT"] = "true"
    if options.offline:
        os.environ["PI_OFFLINE"] = "1"
    if os.environ.get("PI_OFFLINE"):
        os.environ["PI_SKIP_VERSION_CHECK"] = "1"
    for warning in options.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    try:
        return _run(options)
    except PiError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def _run(options: Options) -> int:
    if options.list_models is not None:
        return _list_models(options.list_models)
    if options.mode == "rpc":
        raise PiError("RPC mode isn't part of this version yet. Use --mode json or -p.")
    interactive = sys.stdin.isatty() and sys.stdout.isatty() and not options.print and options.mode != "json"
    if interactive:
        raise PiError('The terminal interface isn\'t part of this version yet. Ask with: pi -p "your prompt"')
    prompt = build_prompt(options, stdin=None if sys.stdin.isatty() else _piped_text())
    from pi.cli.run import run_once

    return asyncio.run(run_once(options, prompt))


def _list_models(search: str) -> int:
    from pi.llm.patterns import list_models

    registry = ModelRegistry(find_agent_dir(os.environ))
    table = list_models(registry, search or None)
    for warning in registry.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    print(table)
    return 0


def _piped_text() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8", "replace").strip()
    except OSError:  # a closed stdin says nothing
        return ""
