"""Imports go down the folders only, and a steady tick imports nothing heavy."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.house import PROJECT, House

LIB = PROJECT / "lib/domo"
# The folders, lowest first: a module imports from its own folder and from those before it. Below them all is
# `sealed`, which loads the others.
FOLDERS = ("core", "system", "stores", "pins", "scripts", "tick", "panel", "report", "plant", "tools")
STEADY = {  # what a steady tick loads of domo, and no more
    "core": {"records", "history", "model", "faults", "decide", "texts", "settings"},
    "system": {"lock", "files", "tinyjson", "cache", "child"},
    "stores": {"config", "packing", "modes", "states", "memory", "codec", "record"},
    "pins": {"board", "choice", "simulated"},
    "scripts": {"asking", "messages"},
    "tick": {"start", "sight", "plan", "remember", "act", "run", "tell"},
}
CHILD = {  # what the child that reads the data and runs the scripts loads besides
    "core": {"charge", "spare"},
    "system": {"trusted"},
    "stores": {"reading"},
    "scripts": {"api", "answering", "source"},
}
# Each costs as much as a part of the interpreter's start, or several of them.
HEAVY = {
    "json", "re", "enum", "dataclasses", "typing", "logging", "subprocess", "argparse", "signal", "datetime",
    "contextlib", "pathlib", "yaml", "filelock", "sqlite3", "urllib", "urllib.request", "http.client",
    "socket",
    "xml.etree.ElementTree", "ctypes", "inspect", "difflib", "textwrap", "traceback", "tempfile", "shutil",
    "random", "site", "asyncio", "threading", "functools", "collections", "locale", "string", "pwd",
}  # fmt: skip


NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def imports(tree: ast.AST, inside: bool = False) -> Iterator[tuple[int, str, bool]]:
    """Every import that really happens: its level, the module, whether inside a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imports(ast.Module(node.orelse, []), inside)
        elif isinstance(node, ast.ImportFrom) and node.module and "." not in node.module and node.level == 2:
            yield from ((2, f"{node.module}.{alias.name}", inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                yield node.level, str(name), inside
        elif isinstance(node, ast.Import):
            yield from ((0, alias.name, inside) for alias in node.names)
        else:
            yield from imports(node, inside or isinstance(node, (ast.FunctionDef, ast.Lambda)))


MODULES = sorted(path for path in LIB.glob("*/*.py") if path.stem != "__init__")


def of(path: Path) -> list[tuple[int, str, bool]]:
    """The imports of a module: the level (0: of a package, 1: of its own folder, 2: of another), the
    dotted name, whether inside a function."""
    return list(imports(ast.parse(path.read_text())))


def within(path: Path) -> set[str]:
    """The modules of domo that this one imports, at its top or inside a function, as "folder/name"."""
    found = set()
    for level, name, _ in of(path):
        if level == 1:
            found.add(f"{path.parent.name}/{name}")
        elif level == 2:
            found.add(name.replace(".", "/"))
    return found


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_imports_go_down_the_folders_only(path: Path) -> None:
    place = FOLDERS.index(path.parent.name)
    assert {name.partition("/")[0] for name in within(path)} <= {"sealed", *FOLDERS[: place + 1]}


def test_modules_do_not_import_in_a_circle() -> None:
    todo = {named(path): within(path) for path in MODULES}
    while ready := [name for name, needs in todo.items() if not needs & set(todo)]:
        for name in ready:
            del todo[name]
    assert not todo


def test_modules_are_small() -> None:
    long = {named(path) for path in MODULES if len(path.read_text().splitlines()) > 250}
    assert long <= {"scripts/api"}


def test_what_a_steady_tick_imports_is_small() -> None:
    """2,500 lines of code, without docstrings and comments; half as much in the child, which is a fork."""
    assert sum(map(code_lines, [*paths(STEADY), LIB / "sealed.py"])) <= 2500
    assert sum(map(code_lines, paths(CHILD))) <= 1250


def paths(modules: dict[str, set[str]]) -> list[Path]:
    return [LIB / folder / f"{name}.py" for folder, names in modules.items() for name in names]


def code_lines(path: Path) -> int:
    """The lines of a module that hold code."""
    text = path.read_text()
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            lines -= {*range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)}
    return len(lines)


def test_packages_are_imported_where_they_are_needed_only() -> None:
    """So that each is optional, and nobody pays for what he does not use."""
    for name in MODULES:
        at_top = {
            module.partition(".")[0] for package, module, inside in of(name) if not package and not inside
        }
        assert not at_top & {"yaml", "filelock", "RPi", "rpi_TM1638", "sqlite3", "urllib", "curses"}, name


LOADED = """
import os, sys
end = os._exit
def told(code):
    print(code, *sys.modules, flush=True)
    end(code)
os._exit = told
sys.argv = [{tick!r}]
exec(compile(open({tick!r}).read(), {tick!r}, "exec"), {{"__name__": "__main__", "__file__": {tick!r}}})
"""


def loaded(house: House, **environment: str) -> set[str]:
    """The modules that a tick of cron's has loaded when it ends."""
    code = LOADED.format(tick=str(PROJECT / "bin/domo-tick"))
    env = {**house.env, "DOMO_CONFIG": str(house.config), **environment}
    done = subprocess.run([sys.executable, "-S", "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout.split()[:1] == ["0"], done.stderr
    return set(done.stdout.split()[1:])


def test_a_steady_tick_imports_nothing_heavy(house: House) -> None:
    """The tick that happens 1,400 times a day, and its child that runs the scripts."""
    heavy = f"' '.join(sorted({HEAVY!r} & set(sys.modules))) or 'none of them'"
    told = f"import sys\nnow = relay.now.hour\nreturn relay.keep({heavy})"
    house.script(1, told)
    house.script(
        2, "return relay.on('20 min') if relay.on_for < 1200 and not relay.ran_today() else relay.off('x')"
    )
    house.set_modes({1: 1, 2: 1, 3: 3})
    for _ in range(4):
        house.data()
        names = loaded(house)
    ours = {name for name in names if name.startswith("domo.")}
    assert ours == {f"domo.{folder}" for folder in STEADY} | dotted(STEADY) | {"domo.sealed"}
    assert not names & HEAVY
    assert house.memory["why"]["1"] == "none of them"


def test_a_tick_that_switches_imports_nothing_heavy_either(house: House) -> None:
    """What writes the journal is a child."""
    house.configure({"domo.relay.scriptExecInterval": 0})
    house.script(1, "return (relay.off if relay.is_on else relay.on)('every time')")
    for on in ({1}, set(), {1}):
        house.data()
        names = loaded(house)
        assert house.on == on
    assert "domo.tick.lasting" in names
    assert not names & HEAVY


def dotted(modules: dict[str, set[str]]) -> set[str]:
    return {f"domo.{folder}.{name}" for folder, names in modules.items() for name in names}


def test_the_child_of_a_steady_tick_imports_what_only_it_needs(house: House) -> None:
    more = f"{{name for name in sys.modules if name.startswith('domo.')}} - {dotted(STEADY)!r}"
    house.script(1, f"import sys\nreturn relay.keep(' '.join({more}))")
    for _ in range(3):
        house.data()
        loaded(house)
    folders = {f"domo.{folder}" for folder in STEADY}
    apart = {"domo.scripts.alone", "domo.system.packages"}  # such a script has a process of its own
    assert set(house.memory["why"]["1"].split()) - folders - {"domo.sealed"} == dotted(CHILD) | apart


def test_a_steady_tick_on_real_pins_imports_nothing_more_than_their_package(house: House) -> None:
    """RPi.GPIO here is a plain one: the emulated one imports json itself."""
    (house.folder / "packages/RPi").mkdir(parents=True)
    (house.folder / "packages/RPi/__init__.py").touch()
    (house.folder / "packages/RPi/GPIO.py").write_text(
        "OUT, IN, BCM = 0, 1, 11\n"
        "_levels = {}\n"
        "def setwarnings(value): pass\n"
        "def setmode(mode): pass\n"
        "def gpio_function(pin): return OUT\n"
        "def setup(pin, direction, initial=None): pass\n"
        "def output(pin, level): _levels[pin] = level\n"
        "def input(pin): return _levels.get(pin, 1)\n"
    )
    house.configure({"domo.board": "gpio"})
    for _ in range(3):
        names = loaded(house, PYTHONPATH=str(house.folder / "packages"))
    assert "RPi.GPIO" in names
    assert not names & HEAVY
