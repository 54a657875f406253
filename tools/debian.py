"""domo installed for real: Debian's own Python and packages in a folder, real cron, an ordinary user.

    sudo python3 tools/debian.py [--minutes 10] [--folder /var/tmp/domo-debian] [bookworm trixie]

Wants debootstrap, some 350 MB a suite and a network the first time; the folder is used again. In each
suite, for some minutes, cron runs what crontab.example says, with the panel in a terminal of its own;
every minute somebody forces a relay with domo-mod and presses a button of the panel. Nothing may be
mailed, no minute may be missed, no tick may come later and later, no file may be left over. Says what
happened, and at the end, in a line a suite, whether all is well; exits with 1 if it is not.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ["python3", "python3-yaml", "python3-filelock", "cron"]
RELAYS = 16
FORCED, PRESSED = 1, 2  # by domo-mod, on the panel; the scripts of the others say on

CONFIG = f"""\
scriptDataXml: /srv/data-xml.php
urlDataXml: false
bin: {{php-cli: /srv/php}}
domo:
  board: simulated
  relayNb: {RELAYS}
  relayGpio: {{{", ".join(f"{relay}: {relay + 1}" for relay in range(1, RELAYS + 1))}}}
  tm1638: {{stb: [], actionButtonDelay: 1}}
"""
# In place of PHP: the sample, stamped, with a battery that is never twice the same.
PHP = """\
#!/bin/sh
sed "s/<timerefresh>[0-9]*/<timerefresh>$(date +%s)/; s/<value>96.4</<value>9$(date +%M | tail -c 2)</" \\
    /srv/pvmonit.xml
"""
# What a person does every minute, and what is looked at then.
OWNER = f"""\
order=on; [ $(($(date +%s) / 60 % 2)) = 0 ] && order=off
sleep 20
/opt/domo/bin/domo-mod {FORCED} $order >/dev/null
sleep 5
printf {PRESSED} >/srv/keys
sleep 15
/opt/domo/bin/domo-mod --json >>/srv/seen
for file in mod etat pins; do cat /tmp/PvMonit_domo_$file; echo; done >>/srv/agree
ls -lA /tmp /tmp/domo-* /opt/domo /opt/domo/lib/domo /opt/domo/relay.script.d ~ | \\
    awk '{{print $1, $3, $4, $NF}}' \
    >/srv/files.$(date +%s)
panel=$(pgrep -of '^python3 .*domo-panel')
grep VmRSS /proc/$panel/status >>/srv/memory
ls /proc/$panel/fd | wc -l >>/srv/descriptors
ps -eo stat,args --no-headers >/srv/processes
"""


def crontab() -> str:
    """crontab.example, with our PHP, and the panel in a terminal whose keys come from /srv/keys; and the
    owner, and a job that proves that what is said is mailed."""
    text = (PROJECT / "crontab.example").read_text()
    for old, new in {
        " php /opt/PvMonit/www/data-xml.php ": " /srv/php /srv/data-xml.php ",
        '"$DOMO"/bin/domo-panel --no-display': "script -qfec '/opt/domo/bin/domo-panel --terminal'"
        " /srv/screen >/dev/null <>/srv/keys",
        '"$DOMO"/bin/domo-tick\n': '"$DOMO"/bin/domo-tick; echo $? $(date +\\%s.\\%N) >>/srv/ticks\n',
    }.items():
        if old not in text:
            raise SystemExit(f"crontab.example has no {old!r} any more")
        text = text.replace(old, new)
    return f"""TERM=linux
{text}
* * * * * sh /srv/owner
* * * * * test -e /srv/control || {{ touch /srv/control; echo mail comes through; }}
"""


def inside(root: Path, *command: str, user: str = "root", **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command in the Debian of that folder."""
    environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"]
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return subprocess.run(["chroot", str(root), *environment, *become, *command], text=True, **options)


def bootstrap(root: Path, suite: str, mirror: str) -> None:
    """Makes that Debian, unless it is there."""
    if (root / "srv/made").exists():
        return
    shutil.rmtree(root, ignore_errors=True)
    with open(f"{root}.log", "w") as log:
        subprocess.run(
            ["debootstrap", "--variant=minbase", suite, root, mirror], check=True, stdout=log, stderr=log
        )
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        more = [*PACKAGES, "procps", *(["systemd-standalone-sysusers"] if suite != "bookworm" else [])]
        inside(
            root,
            "apt-get",
            "install",
            "-y",
            "--no-install-recommends",
            *more,
            stdout=log,
            stderr=log,
            check=True,
        )
    (root / "srv/made").touch()


def install(root: Path) -> None:
    """Installs domo there, as new, as the README says."""
    for old in [*(root / "tmp").iterdir(), *(p for p in (root / "srv").iterdir() if p.name != "made")]:
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    shutil.rmtree(root / "opt/domo", ignore_errors=True)
    for part in ("bin", "lib", "relay.script.d"):
        shutil.copytree(
            PROJECT / part, root / "opt/domo" / part, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    (root / "opt/domo/config.yaml").write_text(CONFIG)
    for relay in range(PRESSED + 1, RELAYS + 1):
        script = root / f"opt/domo/relay.script.d/{relay}.py"
        script.write_text('def decide(relay, data):\n    return relay.on("so its script says")\n')
    shutil.copy(PROJECT / "tests/support/sample/pvmonit.xml", root / "srv")
    (root / "srv/owner").write_text(OWNER)
    (root / "srv/data-xml.php").touch()
    for program, text in (("srv/php", PHP), ("usr/sbin/sendmail", "#!/bin/sh\ncat >>/srv/mail\n")):
        (root / program).write_text(text)
        (root / program).chmod(0o755)
    if not (root / "home/pvmonit").exists():
        inside(root, "useradd", "--create-home", "--shell", "/bin/sh", "pvmonit", check=True)
    inside(
        root, "sh", "-c", "mkfifo /srv/keys; touch /srv/mail; chown -R pvmonit: /opt/domo /srv", check=True
    )
    inside(root, "crontab", "-u", "pvmonit", "-", input=crontab(), check=True)


def live(root: Path, minutes: int) -> None:
    """Lets cron run there for so many minutes, in a process namespace of its own, so that all ends with
    it."""
    time.sleep((110 - time.time() % 60) % 60)  # so that it begins at second 50
    (root / "run/crond.reboot").unlink(missing_ok=True)  # so that @reboot counts
    (root / "run/crond.pid").unlink(missing_ok=True)
    mounts = (
        f"mount -t proc proc {root}/proc && mount -t devpts -o ptmxmode=666,newinstance devpts {root}/dev/pts"
    )
    ptmx = f"mount --bind {root}/dev/pts/ptmx {root}/dev/ptmx"
    command = f"{mounts} && {ptmx} && exec chroot {root} env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin cron -f"
    cron = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", command])
    try:
        code = cron.wait(60 * minutes + 5)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        cron.kill()  # and with it all that runs there
        cron.wait()
    if code is not None:
        raise RuntimeError(f"cron ended with {code}")


def judge(root: Path, minutes: int) -> tuple[bool, str]:
    """Whether all was well, and what happened, in words."""
    srv = root / "srv"
    mail = (srv / "mail").read_text()
    looks = [json.loads(line) for line in (srv / "seen").read_text().splitlines()]
    on = [sum(relay["state"] for relay in look["relays"][PRESSED:]) for look in looks]
    faults = [report for look in looks for report in look["reports"]]
    forced, pressed = (_switched(root, relay) for relay in (FORCED, PRESSED))
    early, *_, late = [path.read_text() for path in sorted(srv.glob("files.*"))][2:] or ("early", "late")
    screen = (srv / "screen").read_text(errors="replace")
    memory = [int(line.split()[1]) for line in (srv / "memory").read_text().splitlines()][-3:] or [0, 1 << 20]
    ticks = [line.split() for line in (srv / "ticks").read_text().splitlines()]
    codes = {int(code) for code, _ in ticks}
    ends = [float(end) % 60 for _, end in ticks[1:]]  # the first one is the boot's, at second 50
    agree = [line for line in (srv / "agree").read_text().splitlines() if line]
    descriptors = (srv / "descriptors").read_text().split()[2:] or ["none", ""]
    processes = (srv / "processes").read_text().splitlines()
    zombies = [process for process in processes if process.startswith("Z")]
    findings = {
        f"ticks by cron: {len(ticks)}, one at the boot and one a minute": len(ticks) == minutes + 1,
        f"what they ended with: {codes}": codes == {0},
        f"they ended at seconds {[round(end, 1) for end in ends]}: no drift": max(ends) < 15,
        f"mails: {mail.count('Subject:')}, the one that proves that they come": mail.count("Subject:") == 1,
        f"minutes in which the owner did something and looked: {len(looks)}": len(looks) == minutes,
        f"forces by domo-mod, carried out at seconds {forced}": len(forced) >= minutes - 1,
        f"forces by a button of the panel, carried out at seconds {pressed}": len(pressed)
        == minutes - minutes // 3,  # on, off, and the third press is auto
        f"relays on by their scripts, one more each minute: {on}": on == list(range(on[0], on[0] + len(on))),
        f"looks in which mode file, state file and pins agree: {_agreeing(agree)}": _agreeing(agree)
        == minutes,
        f"faults that a tick reported: {len(faults)}": not faults,
        f"the panel's terminal: {len(screen)} bytes, with 'so its script says'": "so its script says"
        in screen,
        f"files after 3 minutes {early.count(chr(10))}, at the end {late.count(chr(10))}, to be the"
        f" same": early == late,
        f"the panel's memory in the last 3 minutes, kB: {memory}, settled": memory[-1] < memory[0] + 128,
        f"its open files after 3 minutes {descriptors[0]}, at the end {descriptors[-1]}": descriptors[0]
        == descriptors[-1],
        f"processes at the end: {len(processes)}, zombies {len(zombies)}": not zombies,
    }
    text = [f"{'ok    ' if well else 'WRONG '} {finding}" for finding, well in findings.items()]
    if not all(findings.values()):
        text += [f"mail:\n{mail}", *faults]
    text += difflib.unified_diff(
        early.splitlines(), late.splitlines(), "after 3 minutes", "at the end", lineterm=""
    )
    return all(findings.values()), "\n".join(text)


def _agreeing(lines: list[str]) -> int:
    """In how many looks the modes, the states and the pins (a low one is on) say the same of every relay."""
    looks = [[json.loads(line) for line in lines[at : at + 3]] for at in range(0, len(lines), 3)]
    relays = range(1, RELAYS + 1)
    return sum(
        [modes[str(n)] in (2, 3) for n in relays]
        == [states[str(n)] == 1 for n in relays]
        == [pins[str(n + 1)] == 0 for n in relays]
        for modes, states, pins in looks
    )


def _switched(root: Path, relay: int) -> list[int]:
    """The seconds of the minute in which the journal says that a relay was switched."""
    with contextlib.closing(sqlite3.connect(root / "opt/domo/domo.sqlite3")) as base:
        rows = base.execute(
            "SELECT date FROM relay WHERE relay_number = ? AND info = 'E' ORDER BY id", (relay,)
        )
        return [date % 60 for (date,) in rows]


def run(root: Path, suite: str, mirror: str, minutes: int) -> tuple[bool, str]:
    """All of it for one suite."""
    bootstrap(root, suite, mirror)
    install(root)
    version = inside(root, "python3", "-V", capture_output=True).stdout
    packages = inside(root, "dpkg-query", "-W", *PACKAGES, capture_output=True).stdout.replace("\t", " ")
    check = inside(root, "/opt/domo/bin/domo-tick", "--check", user="pvmonit", capture_output=True)
    live(root, minutes)
    well, text = judge(root, minutes)
    return well, "\n".join(
        [
            f"=== {suite}: {version}{packages}",
            f"--- before the first tick: domo-tick --check, as user pvmonit\n{check.stdout}",
        ]
        + [check.stderr, f"--- {minutes} minutes of cron\n{text}\n"]
    )


def main() -> int:
    """Gives the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suites", nargs="*", default=["bookworm", "trixie"])
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/domo-debian"))
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        results = list(
            pool.map(lambda s: run(given.folder / s, s, given.mirror, given.minutes), given.suites)
        )
    print("\n".join(text for _, text in results))
    for suite, (well, _) in zip(given.suites, results, strict=True):
        print(f"{suite}: {'all is well' if well else 'something is WRONG, see above'}")
    return 0 if all(well for well, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
