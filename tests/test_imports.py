"""Imports go down the table of modules only, and a steady tick imports nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest
from conftest import PROJECT, House

LIB = PROJECT / "lib/domo"
BOTTOM = {"model", "files", "tinyjson", "cache", "child"}
BOUNDARIES = {"config", "schema", "reading", "modes", "states", "memory", "journal", "board", "scripts"}
PURE = {"decide", "panel", "sun"}
FACES = {"tm1638", "terminal"}
PROGRAMS = {"rehearsal", "check", "lint", "report", "options", "mod", "panel_process", "ticker", "replay"}
OF_PANEL_AND_REPLAY = {"panel", "panel_process", "ticker", "mod", "sun", "replay"} | FACES
# What a module may import of domo, at its top or inside a function.
MAY_IMPORT = {
    "model": set(),
    "tinyjson": set(),
    "child": set(),
    "files": {"model"},
    "cache": {"model", "files"},
    **{name: {"model"} for name in PURE},
    **{name: BOTTOM for name in BOUNDARIES},
    "config": BOTTOM | {"schema"},  # one boundary in two files: a steady tick needs no schema
    "schema": BOTTOM | {"config"},
    "api": {"model", "schema"},  # what scripts see; schema for "did you mean"
    "scripts": BOTTOM | {"api"},
    "tm1638": BOTTOM | PURE,
    "terminal": BOTTOM | PURE | {"memory", "reading"},
    "tick": BOTTOM | BOUNDARIES | {"api", "decide", "rehearsal", "check", "report", "options"},
    **{name: BOTTOM | BOUNDARIES | PURE | FACES | PROGRAMS | {"api", "tick"} for name in PROGRAMS},
}
# Each costs as much as a part of the interpreter's start, or several of them.
HEAVY = {
    "os", "json", "re", "enum", "dataclasses", "typing", "logging", "subprocess", "argparse", "signal", "datetime",
    "contextlib", "pathlib", "yaml", "filelock", "sqlite3", "urllib", "urllib.request", "http.client", "socket",
    "xml.etree.ElementTree", "ctypes", "inspect", "difflib", "textwrap", "traceback", "tempfile", "shutil",
    "random", "site", "asyncio", "threading", "functools", "collections", "locale", "string", "pwd",
}  # fmt: skip


def imports(tree: ast.AST, inside: bool = False) -> Iterator[tuple[str, str, bool]]:
    """Every import that really happens: ("domo" or "", the module, whether inside a function)."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imports(ast.Module(node.orelse, []), inside)
        elif isinstance(node, ast.ImportFrom) and node.level:
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                yield "domo", str(name), inside
        elif isinstance(node, ast.ImportFrom):
            yield "", str(node.module), inside
        elif isinstance(node, ast.Import):
            yield from (("", alias.name, inside) for alias in node.names)
        else:
            yield from imports(node, inside or isinstance(node, (ast.FunctionDef, ast.Lambda)))


def of(name: str) -> list[tuple[str, str, bool]]:
    """The imports of a module of domo."""
    return list(imports(ast.parse((LIB / f"{name}.py").read_text())))


MODULES = sorted(path.stem for path in LIB.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down_only(name: str) -> None:
    assert name in MAY_IMPORT, f"give {name} a place in the table"
    assert {module for package, module, _ in of(name) if package == "domo"} <= MAY_IMPORT[name]


def test_the_table_has_no_module_that_is_not_there() -> None:
    assert set(MAY_IMPORT) <= set(MODULES)


def test_the_tick_knows_neither_panel_nor_replay() -> None:
    """Nor does anything that it imports."""
    seen, todo = set(), ["tick"]
    while todo:
        name = todo.pop()
        seen.add(name)
        todo += [module for package, module, _ in of(name) if package == "domo" and module not in seen]
    assert not seen & OF_PANEL_AND_REPLAY


def test_packages_are_imported_where_they_are_needed_only() -> None:
    """So that each is optional, and nobody pays for what he does not use."""
    for name in MODULES:
        at_top = {module.partition(".")[0] for package, module, inside in of(name) if not package and not inside}
        assert not at_top & {"yaml", "filelock", "RPi", "rpi_TM1638", "sqlite3", "urllib", "curses"}, name


def test_a_steady_tick_imports_nothing_heavy(house: House) -> None:
    """The tick that happens 1,400 times a day, and its child that runs the scripts."""
    told = f"import sys\nreturn relay.keep(' '.join(sorted({HEAVY!r} & set(sys.modules))) or 'none of them')"
    house.script(1, told)
    house.script(2, "return relay.on('20 min') if relay.on_for < 1200 and not relay.ran_today() else relay.off('x')")
    house.set_modes({1: 1, 2: 1, 3: 3})
    command = [sys.executable, "-X", "importtime", "-S", str(PROJECT / "bin/domo-tick")]
    env = {**house.env, "DOMO_CONFIG": str(house.config)}
    for _ in range(3):
        house.data()
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "domo.tick" in imported
    assert not imported & HEAVY
    assert house.memory["why"]["1"] == "none of them"


def test_a_steady_tick_on_real_pins_imports_nothing_more_than_their_package(house: House) -> None:
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
    command = [sys.executable, "-X", "importtime", "-S", str(PROJECT / "bin/domo-tick")]
    env = {**house.env, "DOMO_CONFIG": str(house.config), "PYTHONPATH": str(house.folder / "packages")}
    for _ in range(2):
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "RPi.GPIO" in imported
    assert not imported & HEAVY
