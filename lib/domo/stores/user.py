"""The user who runs the ticks. Commands must run as that user too, or they leave files in the ticks' way."""

from __future__ import annotations

import os
import pwd
import sys

from ..core.model import Fault
from ..system.rights import user_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.settings import Config


def as_its_user(config: Config) -> None:
    """Makes sure that this process runs as the user who runs the ticks, the owner of the memory: root becomes
    that user, and for anybody else this raises Fault. Another user's tick would leave files that the next one
    may not write."""
    try:
        owner = os.stat(config.memory_path).st_uid
    except OSError:  # no tick has run yet, so this user may be the one
        return
    if owner == os.geteuid():
        return
    name = user_name(owner)
    if os.geteuid() != 0:
        import shlex

        me = user_name(os.geteuid())
        why = f"this is run by {me}, but the ticks by {name}, who owns {config.memory_path}"
        raise Fault(f"{why}; run: sudo -u {name} {shlex.join(sys.argv)}")
    try:
        os.initgroups(name, pwd.getpwuid(owner).pw_gid)  # among them gpio
        os.setgid(pwd.getpwuid(owner).pw_gid)
        os.setuid(owner)
    except (KeyError, OSError) as error:
        raise Fault(
            f"{config.memory_path} belongs to user {name}, and this user cannot act as that one ({error})"
        ) from None
