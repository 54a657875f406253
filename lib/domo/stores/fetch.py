"""A newer data file: from PvMonit's own script on this machine, or over the network.

All of it happens in a child of the tick, which may be hung by a disk or a name server.
"""

from __future__ import annotations

import os
import time

from ..core.model import Fault
from ..core.texts import one_line
from ..system import files, trusted
from ..system.child import Child
from ..system.stuck import HANGS, running
from . import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.settings import Config
    from ..system.stuck import Stuck

FETCH_SECONDS = 10.0  # for a refresh, by PHP or by HTTP
WHY_LIMIT = 300  # characters


def refresh(config: Config, before: Stuck | None = None) -> tuple[str, Stuck | None]:
    """Fetches a new data file from scriptDataXml by PHP if that script is on this machine, else from
    urlDataXml. Gives (why, process): "" or what went wrong; the process that is stuck, or None.
    While that of an earlier tick (`before`) still hangs, no other is started. Only PvMonit data replaces the
    file: never an error page, never nothing."""
    from os.path import isfile

    if config.scriptDataXml and isfile(config.scriptDataXml) and os.access(config.phpCli, os.X_OK):
        source = config.scriptDataXml
        if unsafe := trusted.unsafe(config.path):
            return f"{source}: is not run, because config.yaml is not safe: {unsafe}", None
        command = [config.phpCli, source]
    elif config.urlDataXml:
        source = shown(config.urlDataXml)
        command = []
    else:
        return "", None
    if before and running(before):
        return f"{source}: {HANGS.format(before[0])}; no other is started", before
    child = None
    try:
        child = Child(lambda answer: _run(command, answer) if command else _get(config.urlDataXml, answer))
        content = _gave(child)
        reading.parse(content)
        files.replace(config.tmpFileDataXml, content)
    except Fault as fault:
        return f"{source}: {fault}", child.stuck if child else None
    except OSError as error:
        return f"{source}: no process could be started ({error.strerror})", None
    return "", child.stuck


def shown(url: str) -> str:
    """An address without what may be secret in it: user, password, query."""
    scheme, _, rest = url.partition("://")
    place, query, _ = rest.partition("?")
    host, slash, path = place.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}{'?...' if query else ''}" if rest else url


def _gave(child: Child) -> bytes:
    """What the child gave, once it has ended. Raises Fault."""
    content = b""
    deadline = time.monotonic() + FETCH_SECONDS
    while len(content) <= files.LIMIT and (piece := child.read(deadline)):
        content += piece
    late = time.monotonic() >= deadline
    child.stop()
    if late:
        raise Fault(f"gave no data within {FETCH_SECONDS:g} s")
    if len(content) > files.LIMIT:
        raise Fault(f"gave more than {files.LIMIT} bytes")
    if not content:
        raise Fault(one_line(child.printed.decode(errors="replace"))[:WHY_LIMIT] or "gave nothing")
    return content


def _run(command: list[str], answer: int) -> None:
    os.dup2(answer, 1)
    try:
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]} cannot be run ({error.strerror})".encode(errors="replace"))


def _get(url: str, answer: int) -> None:
    """Writes the page at the address to `answer`. User and password go to its host only; an error is
    printed without them."""
    secret = ""
    try:
        from urllib import parse, request

        opener = request.OpenerDirector()  # no file:, no ftp:, not even by a redirect
        for name in ("HTTP", "HTTPS", "HTTPRedirect", "HTTPDefaultError", "Unknown"):
            opener.add_handler(getattr(request, f"{name}Handler")())
        opener.add_handler(request.HTTPErrorProcessor())
        if not url.startswith(("http://", "https://")):
            raise ValueError("only http:// and https:// are fetched")
        scheme, _, rest = url.partition("://")
        host, slash, path = rest.partition("/")
        secret, _, host = host.rpartition("@")
        asked = request.Request(f"{scheme}://{host}{slash}{path}")
        if secret:
            from base64 import b64encode

            login = b64encode(parse.unquote_to_bytes(secret)).decode()
            asked.add_unredirected_header("Authorization", f"Basic {login}")
        with opener.open(asked, timeout=FETCH_SECONDS) as page:
            remaining = files.LIMIT + 1
            while remaining > 0 and (piece := page.read(min(remaining, 65536))):
                remaining -= len(piece)
                files.write_all(answer, piece)
    except Exception as error:  # a server can make urllib raise anything
        query = url.partition("?")[2]
        why = str(error)
        for word in filter(None, (secret, query)):
            why = why.replace(word, "...")
        os.write(1, why.encode(errors="replace"))
