"""Which scripts may share a process: those that cannot reach anything but their own names.

It is decided by a script's text, when it is compiled. Such a script does only what is listed here: it imports
only math, datetime and names of the API, calls no builtin that reaches further, uses only attributes of the
API, of dates, and of texts, lists and dicts, and assigns to plain names only. In this way it can change
nothing that it is given but the timers, which are shared anyway. A script that does anything else has a
process of its own.
"""

from __future__ import annotations

import ast
import builtins
import math

from ..core.model import ScriptError
from .api import Data, Other, Others, Relay, Timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NODES = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Lambda, ast.Return, ast.Assign, ast.AnnAssign,
    ast.AugAssign, ast.For, ast.While, ast.Break, ast.Continue, ast.If, ast.Raise, ast.Try, ast.ExceptHandler,
    ast.Assert, ast.Import, ast.ImportFrom, ast.alias, ast.Expr, ast.Pass, ast.BoolOp, ast.NamedExpr,
    ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.GeneratorExp, ast.comprehension, ast.Compare, ast.Call, ast.keyword, ast.FormattedValue,
    ast.JoinedStr, ast.Constant, ast.Attribute, ast.Subscript, ast.Slice, ast.Starred, ast.Name, ast.List,
    ast.Tuple, ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip
CALLABLE = _words("""
    abs all any bool dict divmod enumerate filter float format frozenset int isinstance len list map max
    min next pow print range repr reversed round set sorted str sum tuple zip True False None Ellipsis
    NotImplemented
""")
BUILTINS = CALLABLE | {
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)
}
FORBIDDEN = frozenset(dir(builtins)) - BUILTINS
FROM = {
    "math": frozenset(name for name in dir(math) if not name.startswith("_")),
    "datetime": frozenset(("date", "datetime", "time", "timedelta", "timezone", "UTC", "MINYEAR", "MAXYEAR")),
    **dict.fromkeys(
        ("domo.api", "domo.scripts.api"), frozenset(("Data", "Order", "Other", "Relay", "Timer"))
    ),
}
IMPORTS = frozenset(("math", "datetime"))
DATES = _words("""
    astimezone combine ctime date datetime days fold fromisoformat fromordinal fromtimestamp hour
    isocalendar isoformat isoweekday max microsecond microseconds min minute month now replace
    resolution second seconds strftime time timedelta timestamp timetuple timetz timezone today tm_yday
    total_seconds toordinal tzinfo tzname utc UTC utcoffset weekday year
""")
TEXTS = _words("""
    add append capitalize casefold clear copy count difference discard endswith extend find get index
    insert intersection isalpha isdigit issubset issuperset items join keys ljust lower lstrip partition
    pop remove replace reverse rjust rpartition rsplit rstrip setdefault sort split splitlines
    startswith strip title union update upper values zfill
""")
API = frozenset(
    name
    for kind in (Data, Other, Others, Relay, Timer)
    for name in (*dir(kind), *kind.__dict__.get("__annotations__", ()))
    if not name.startswith("_")
)
ATTRIBUTES = FROM["math"] | DATES | TEXTS | API


def compiled(file: str, source: bytes) -> tuple[CodeType, bool]:
    """The bytecode of a script, and whether it may share a process. Raises ScriptError with the line that is
    wrong."""
    try:
        tree = ast.parse(source, file)
        return compile(tree, file, "exec", dont_inherit=True), simple(tree)
    except SyntaxError as error:
        hint = _hint(str(error.msg), error.text or "")
        line = f"line {error.lineno}: {error.msg}{f' ({hint})' if hint else ''}"
        raise ScriptError(line + (f": {error.text.strip()}" if error.text else "")) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ScriptError(f"cannot be compiled ({error})") from None


def _hint(wrong: str, line: str) -> str:
    """What to do about a mistake that Python does not call by its name, or ""."""
    import re

    if "codec can't decode" in wrong:
        return "save the script as UTF-8"
    if "U+00A0" in wrong or "U+202F" in wrong:
        return "a no-break space; write a plain one"
    if wrong.startswith(("invalid syntax", "positional argument follows")) and re.search(r"\d,\d", line):
        from ..stores.checks import DECIMAL

        return DECIMAL
    return ""


def simple(tree: ast.Module) -> bool:
    """Whether the script with this syntax tree may share a process with others like it."""
    return all(_harmless(node) for node in _all(tree))


def _all(tree: ast.AST) -> Iterator[ast.AST]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += ast.iter_child_nodes(node)


def _harmless(node: ast.AST) -> bool:
    if not isinstance(node, NODES):
        return False
    if isinstance(node, ast.Attribute):
        return isinstance(node.ctx, ast.Load) and node.attr in ATTRIBUTES
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Import):
        return all(alias.name in IMPORTS for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return not node.level and all(alias.name in FROM.get(node.module or "", ()) for alias in node.names)
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        return False
    return not any(map(_forbidden, _names(node)))


def _names(node: ast.AST) -> list[str]:
    """The names that a node gives or asks for."""
    names = [getattr(node, field, None) for field in ("id", "arg", "name", "asname")]
    return [name for name in names if isinstance(name, str)]


def _forbidden(name: str) -> bool:
    """Whether a name reaches beyond the script, even if the script defines it itself."""
    return name.startswith("__") or name in FORBIDDEN
