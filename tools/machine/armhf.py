"""domo in an armhf Debian, as a Raspberry Pi Zero runs it, its processor emulated by qemu-arm.

    make armhf

Unpacks Debian 12's armhf packages, and there runs `domo-tick --check`, a tick on simulated pins, `domo-mod`
with a force, and a dry run. Every program started there is emulated: the kernel is told so in a user
namespace of its own, and the host stays as it is. Exits with 1 if something is wrong, and with 3 if a
package or a right is missing here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from .packages import CACHE, PROJECT, Apt, CannotBeHad, program

PACKAGES = ["busybox-static", "coreutils", "dash", "python3-minimal", "python3-yaml", "python3-filelock"]
# The head of a 32-bit ARM program, and which of its bits count; F: found now, outside the folder.
ARM = r":arm:M::\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00"
ARM += r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
CONFIG = """\
urlDataXml: false
scriptDataXml: false
domo:
  board: simulated
  relayNb: 2
  tm1638: {stb: []}
"""
SCRIPT = 'def decide(relay, data):\n    return relay.on("float") if data["SOC"] > 50 else relay.off("low")\n'
HANGS = 300  # s, which no program takes, emulated on the slowest machine
SEEN = {"architecture": "import platform; print(platform.machine(), platform.architecture()[0])"}
CHECKED = ["ok script", "ok journal", "no crontab command"]
STEPS = [  # command, how it ends, words that it says, the states afterwards
    (["python3", "-c", SEEN["architecture"]], 0, ["armv7l", "32bit"], None),
    (["/opt/domo/bin/domo-tick", "-v"], 0, ["simulated", "float"], {"1": 0, "2": 1}),
    (["/opt/domo/bin/domo-mod", "1", "on"], 0, ["forced on"], {"1": 1, "2": 1}),
    (["/opt/domo/bin/domo-tick"], 0, [], {"1": 1, "2": 1}),
    (["/opt/domo/bin/domo-tick", "--dry-run"], 0, ["float"], {"1": 1, "2": 1}),
    (
        ["/opt/domo/bin/domo-tick", "--check"],
        1,
        CHECKED,
        {"1": 1, "2": 1},
    ),
    (["/opt/domo/bin/domo-mod", "all", "off"], 0, ["forced off"], {"1": 0, "2": 0}),
]


def furnish(root: Path) -> None:
    """Debian, and domo as new in it."""
    Apt("bookworm", "armhf").unpack(PACKAGES, root)
    domo = root / "opt/domo"
    shutil.rmtree(domo, ignore_errors=True)
    shutil.rmtree(root / "tmp", ignore_errors=True)
    for folder in ("tmp", "proc", "dev", "mnt"):
        (root / folder).mkdir(exist_ok=True)
    for part in ("bin", "lib", "relay.script.d"):
        ignore = shutil.ignore_patterns("__pycache__", "[0-9]*.py", "*.egg-info")
        shutil.copytree(PROJECT / part, domo / part, ignore=ignore)
    (domo / "config.yaml").write_text(CONFIG)
    (domo / "relay.script.d/2.py").write_text(SCRIPT)
    sample = (PROJECT / "tests/support/sample/pvmonit.xml").read_text()
    stamped = sample.replace("<timerefresh>1718450000", f"<timerefresh>{int(time.time())}")
    (root / "tmp/PvMonit_data-xml.php.tmp").write_text(stamped)


def inside(root: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command there."""
    emulator = program("qemu-arm-static", "qemu-user-static")
    mounts = f"mount -t binfmt_misc none {root}/mnt && printf '%s' '{ARM}:{emulator}:F' >{root}/mnt/register"
    mounts += f" && mount --rbind /proc {root}/proc && mount --rbind /dev {root}/dev"
    environment = ["env", "-i", "PATH=/usr/bin:/bin", "HOME=/tmp"]
    enter = f'{mounts} || exit 111; exec chroot {root} {" ".join(environment)} "$@"'
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "--kill-child", "--fork"]
    whole = [*unshare, "sh", "-c", enter, "sh", *command]
    ran = subprocess.run(whole, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=HANGS)
    if ran.returncode == 111 or ran.stderr.startswith("unshare: "):
        raise CannotBeHad(f"no user namespace with emulated programs: {ran.stderr.strip()}")
    return ran


def problems(root: Path) -> list[str]:
    """Runs all the steps; what is wrong, a line each."""
    found = []
    for command, code, words, states in STEPS:
        began = time.monotonic()
        ran = inside(root, command)
        said = " ".join(f"{ran.stdout} {ran.stderr}".split())
        what = " ".join(command)[:60]
        print(f"{time.monotonic() - began:5.1f} s, exit {ran.returncode}: {what}")
        if "Traceback" in said or (code is not None and ran.returncode != code):
            found.append(f"{what}: ended with {ran.returncode}: {said}")
        found += [f"{what}: does not say {word!r}: {said}" for word in words if word not in said]
        file = root / "tmp/PvMonit_domo_etat"
        is_now = json.loads(file.read_text()) if file.exists() else None
        if states is not None and is_now != states:
            found.append(f"{what}: the state file says {is_now}, not {states}: {said}")
    return found


def main() -> int:
    """Everything."""
    root = CACHE / "root-armhf"
    try:
        furnish(root)
        wrong = problems(root)
    except subprocess.TimeoutExpired as hung:
        wrong = [f"{hung.cmd[-2:]} did not end within {hung.timeout:.0f} s"]
    except CannotBeHad as missing:
        print(f"make armhf: cannot run here: {missing}")
        return 3
    print("\n".join([f"WRONG: {problem}" for problem in wrong] or ["All is well on armhf."]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
