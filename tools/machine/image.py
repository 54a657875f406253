"""What the emulated Raspberry Pi boots: Debian's kernel, and an initrd with Debian's packages and domo."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from . import devicetree
from .packages import CACHE, PROJECT, Apt, wheel

KERNEL_SUITE = "trixie"  # 6.12, the first of Debian's whose driver can keep outputs
SUITE, PYTHON = "bookworm", "311"  # where a Python runs for which PyPI has an arm64 lgpio
PACKAGES = ["busybox-static", "coreutils", "python3-minimal", "python3-yaml", "python3-filelock"]
PACKAGES += ["python3-rpi.gpio"]
WHEELS = ["lgpio==0.2.2.0", "rpi-lgpio==0.6"]
LEFT_OUT: tuple[str, ...] = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/zoneinfo")
LEFT_OUT += ("var/lib", "usr/sbin")
LEFT_OUT += ("usr/lib/aarch64-linux-gnu/gconv", "usr/lib/python3/dist-packages/RPi")

INIT = """\
#!/bin/busybox sh
export PATH=/usr/bin:/bin:/usr/sbin:/sbin
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /opt
/bin/busybox --install -s /usr/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mount -t tracefs tracing /sys/kernel/tracing; mount -t tmpfs tmp /tmp; chmod 1777 /tmp
ip link set lo up
chown 0:997 /dev/gpiochip*; chmod 660 /dev/gpiochip*
date -s @$now >/dev/null
if [ "$BENCH" ]
then python3 -B /opt/domo/tools/benchmark.py $BENCH; echo @end
else python3 -B /srv/inside.py
fi
poweroff -f
"""
FILES = {
    "etc/passwd": "root:x:0:0::/root:/bin/sh\npvmonit:x:1000:1000::/opt/domo:/bin/sh\n",
    "etc/group": "root:x:0:\ngpio:x:997:pvmonit\npvmonit:x:1000:\n",
    "etc/hosts": "127.0.0.1 localhost\n",
}


class Image(NamedTuple):
    """Three files that QEMU boots."""

    kernel: Path
    tree: Path
    initrd: Path


def build() -> Image:
    """Makes them, out of what is in the cache already where it can."""
    kernels = Apt(KERNEL_SUITE, "arm64")
    kernel = kernels.folder / "kernel"
    kernels.unpack([kernels.candidate("linux-image-arm64")], kernel, alone=True)
    root = CACHE / "root-arm64"
    Apt(SUITE, "arm64").unpack(PACKAGES, root)
    _furnish(root)
    tree, initrd = CACHE / "pi.dtb", CACHE / "pi.initrd"
    plain = next(kernel.glob("usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb"))
    tree.write_bytes(devicetree.with_revision(plain.read_bytes()))
    with open(initrd, "wb") as file:
        for part in _archive(root):
            file.write(part)
    return Image(next(kernel.glob("boot/vmlinuz-*")), tree, initrd)


def _furnish(root: Path) -> None:
    """Puts domo, the libraries and our own files in."""
    libraries = root / "usr/local/lib/python3.11/dist-packages", root / "srv/rpi-lgpio"
    for requirement, folder in zip(WHEELS, libraries, strict=True):
        if not folder.exists():
            wheel(requirement, "manylinux_2_34_aarch64", PYTHON, folder)
    original = root / "srv/rpi-gpio"
    if not original.exists():
        shutil.copytree(root / "usr/lib/python3/dist-packages/RPi", original / "RPi")
    domo = root / "opt/domo"
    shutil.rmtree(domo, ignore_errors=True)
    for part in ("bin", "lib", "relay.script.d", "tools", "tests/support"):
        ignore = shutil.ignore_patterns("__pycache__", "[0-9]*.py", "*.egg-info")
        shutil.copytree(PROJECT / part, domo / part, ignore=ignore)
    shutil.copy(PROJECT / "tests/support/sample/pvmonit.xml", root / "srv")
    shutil.copy(Path(__file__).parent / "inside.py", root / "srv")
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    _compile(root)


def _compile(root: Path) -> None:
    """Compiles all Python there, as Debian does when it installs, if this Python is of that version."""
    if f"{sys.version_info[0]}{sys.version_info[1]}" != PYTHON:
        return
    folders = ("usr/lib/python3.11", "usr/lib/python3", "usr/local/lib", "opt", "srv")
    places = [root / folder for folder in folders]
    how = ["-qq", "--invalidation-mode", "unchecked-hash", "-x", "lib2to3/tests", "-s", str(root)]
    subprocess.run([sys.executable, "-m", "compileall", *how, *map(str, places)], check=False)


def _archive(root: Path) -> Iterator[bytes]:
    """The folder in cpio's newc format, which the kernel unpacks; everything belongs to root."""
    number = 0
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = sorted(name for name in folders if str(here / name) not in LEFT_OUT)
        for name in [*folders, *sorted(files)]:
            path = Path(folder) / name
            number += 1
            yield from _entry(number, str(here / name), path)
    yield _header(0, 0, 0, "TRAILER!!!")


def _entry(number: int, name: str, path: Path) -> Iterator[bytes]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        content = os.readlink(path).encode()
    else:
        content = path.read_bytes() if stat.S_ISREG(mode) else b""
    yield _header(number, mode, len(content), name)
    yield content + bytes(-len(content) % 4)


def _header(number: int, mode: int, size: int, name: str) -> bytes:
    fields = (number, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name.encode()) + 1, 0)
    head = b"070701" + "".join(f"{field:08x}" for field in fields).encode() + name.encode() + b"\0"
    return head + bytes(-len(head) % 4)
