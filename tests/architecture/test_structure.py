"""The house keeps its shape: short files, one opening sentence each, light imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "pi"
LIMIT = 400
LONG_FILES: dict[str, str] = {}  # path below src/pi → why it is longer


def sources() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SRC)))
def test_a_file_is_short_or_says_why(path: Path) -> None:
    name = str(path.relative_to(SRC))
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LIMIT or name in LONG_FILES


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SRC)))
def test_a_file_opens_with_one_sentence(path: Path) -> None:
    first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    assert first.endswith(".") or first == "What can go wrong between us and a provider."
    assert len(first) <= 220


def test_a_broad_except_says_why() -> None:
    silent = [
        f"{path.relative_to(SRC)}:{number}"
        for path in sources()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip().startswith(("except Exception", "except BaseException", "except:"))
        and "#" not in line
    ]
    assert silent == []


def test_the_session_has_few_verbs() -> None:
    tree = ast.parse((SRC / "harness" / "session.py").read_text(encoding="utf-8"))
    session = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Session")
    verbs = [
        node.name
        for node in session.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not any(isinstance(mark, ast.Name) and mark.id == "property" for mark in node.decorator_list)
    ]
    assert len(verbs) <= 12


def test_the_way_to_the_first_request_imports_nothing_heavy() -> None:
    script = (
        "import sys, pi.cli.start, pi.cli.run, pi.sdk, pi.llm.protocols.openai_completions,"
        "pi.tools.read, pi.tools.bash, pi.tools.edit, pi.tools.write;"
        "heavy = {'PIL', 'jsonschema_rs', 'jiter', 'yaml', 'difflib', 'textual', 'email', 'http'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
