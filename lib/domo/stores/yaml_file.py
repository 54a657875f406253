"""Reads a YAML file strictly: no key twice, no aliases; an error names line and column."""

from __future__ import annotations

from ..core.model import ConfigError, Fault
from ..system import files, packages
from ..system.files import PROJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read(path: str) -> Any:
    """The YAML document at `path`. Raises ConfigError."""
    try:
        content, _ = files.read(path, 1 << 20)
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file"]) from None
    except Fault as fault:
        raise ConfigError([str(fault)]) from None
    if not content.strip(b"\0 \t\r\n"):  # after a power cut; the defaults might drive the wrong pins
        raise ConfigError([f"{path}: is empty; {_new(path)}"])
    packages.third_party()
    try:
        import yaml
    except ImportError:
        raise ConfigError(["PyYAML is missing; run: sudo apt install python3-yaml"]) from None
    try:
        return yaml.load(content, _loader(yaml))
    except yaml.MarkedYAMLError as error:
        mark, problem = error.problem_mark or error.context_mark, str(error.problem or error.context)
        if "expected ':'" in problem:  # PyYAML has gone on to the next line
            mark = error.context_mark or mark
        place = f" line {mark.line + 1} column {mark.column + 1}" if mark else ""
        hint = _hint(problem, content.split(b"\n")[: mark.line + 1]) if mark else ""
        raise ConfigError([f"{path}{place}: {problem}{hint}"]) from None
    except Exception as error:  # not only a YAMLError: "!!int" without a number is an IndexError
        why = f"cannot be read as YAML ({' '.join(str(error).split())})"
        if isinstance(error, yaml.reader.ReaderError) and error.encoding == "utf-8":
            why += f"; save it as UTF-8, see line {content.count(10, 0, error.position) + 1}"
        raise ConfigError([f"{path}: {why}"]) from None


def _hint(problem: str, lines: list[bytes]) -> str:
    """What to do about a mistake that one does not see; `lines`: those up to the problem."""
    for number in range(len(lines), max(0, len(lines) - 2), -1):
        if any(space.encode() in lines[number - 1] for space in ("\u00a0", "\u202f")):
            return f"; there is a no-break space in line {number}, write a plain one"
    if "\\t" in problem:
        return "; write spaces instead of the tab"
    return "; write a space behind the ':'" if "expected ':'" in problem else ""


def _new(path: str) -> str:
    """Where a new file is to be had instead of an empty one."""
    import shlex
    from os.path import islink

    if path == f"{PROJECT}/config.yaml" and not islink(path):  # not PvMonit's, then
        return f"for domo's own, run: git -C {shlex.quote(PROJECT)} checkout config.yaml"
    return f"a new one is in {PROJECT}, or: echo 'domo: {{}}' >{shlex.quote(path)}"


def _loader(yaml: Any) -> Any:
    """A SafeLoader that refuses a key given twice, of which YAML would silently take the last, and aliases,
    with which a small file can unfold to gigabytes."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                event = self.peek_event()
                raise yaml.MarkedYAMLError(
                    problem="aliases (*name) are not read", problem_mark=event.start_mark
                )
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise yaml.MarkedYAMLError(
                        problem="wants a plain word before the ':'", problem_mark=key.start_mark
                    )
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"{key.value} is given twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    return Loader
