"""What the source alone shows: calls in `async def` that would hold up everything while they wait."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from pi.modes.ext.report import Finding

_EXEC = "`await ctx.exec([program, argument])`"
_HTTP = '`await ctx.http.request("GET", url)`'
_CLIENTS = ("requests", "httpx")
_VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request")
_BLOCKING = {
    "time.sleep": "`await asyncio.sleep(seconds)`",
    "input": '`await ctx.ui.input("Question")`',
    "urllib.request.urlopen": _HTTP,
    **dict.fromkeys(("os.system", "os.popen", "os.wait", "os.waitpid"), _EXEC),
    **{f"subprocess.{name}": _EXEC for name in ("run", "call", "check_call", "check_output", "getoutput")},
    **{f"{client}.{verb}": _HTTP for client in _CLIENTS for verb in _VERBS},
}


def blocking_calls(files: Sequence[Path]) -> list[Finding]:
    """A warning for each; files that can't be read or parsed have none."""
    findings: list[Finding] = []
    for file in files:
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):  # loading it says so
            continue
        names = _imported(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.AsyncFunctionDef):
                findings += [
                    Finding(
                        "warning",
                        f"{called}() in the async function {node.name} holds up everything while it waits: "
                        f"write {_BLOCKING[called]}",
                        str(file),
                        each.lineno,
                    )
                    for each in _calls(node)
                    if (called := _name(each.func, names)) in _BLOCKING
                ]
    return findings


def _imported(tree: ast.Module) -> dict[str, str]:
    """What names of the file stand for: `sp` for "subprocess", `sleep` for "time.sleep"."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _calls(function: ast.AsyncFunctionDef) -> Iterator[ast.Call]:
    """The calls of a function, without those of functions inside it: they may run elsewhere."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _name(node: ast.expr, names: dict[str, str]) -> str:
    """The full name of what is called, as far as imports tell: "subprocess.run"; empty for anything else."""
    match node:
        case ast.Name(id=name):
            return names.get(name, name if name == "input" else "")
        case ast.Attribute(value=value, attr=attr):
            owner = _name(value, names)
            return f"{owner}.{attr}" if owner else ""
        case _:
            return ""
