"""The names of `pi.ext` are all there, and each brings only what it needs."""

import subprocess
import sys

import pytest

import pi.ext


def test_every_name_is_there() -> None:
    names = [name for names in pi.ext._HOMES.values() for name in names]  # type: ignore[attr-defined]
    assert sorted(names) == sorted(pi.ext.__all__)
    assert [name for name in names if getattr(pi.ext, name) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pi.ext.nothing  # type: ignore[attr-defined]


def test_a_name_brings_its_own_module_and_not_what_others_need() -> None:
    script = (
        "import sys\nfrom pi.ext import Block, Ctx, ExtensionAPI, Note, Text, ToolError\n"
        "names = ('children', 'child_host', 'asking', 'typed_output')\n"
        "unused = {f'pi.harness.extensions.{name}' for name in names}\n"
        "print(sorted(unused & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
