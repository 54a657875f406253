"""MIGRATION.md's ways to close PvMonit's page: lighttpd, nginx and Apache themselves, on this machine."""

from __future__ import annotations

import base64
import http.client
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.house import PROJECT, until
from support.pvmonit import free_port

TEXT = (PROJECT / "MIGRATION.md").read_text()
CLOSED = ("/domo.php", "/domo-edit-script.php")
OPEN = ("/", "/index.php", "/data-xml.php", "/assets/domo.css")
# The same two by other names.
DETOURS = (
    "/domo.php/x", "/dom%6f.php", "//domo.php", "/./domo.php", "/assets/../domo.php",
    "/domo.php?a=/data-xml.php",
    "/domo-edit-script.php/data-xml.php", "/%64omo-edit-script.php", "/data-xml.php/../domo.php",
    "///domo.php//",
)  # fmt: skip

LIGHTTPD = """\
server.document-root = "{folder}/www"
server.bind = "127.0.0.1"
server.port = {port}
index-file.names = ( "index.php" )
server.modules += ( "mod_fastcgi" )
fastcgi.server = (
    ".php" => (( "host" => "127.0.0.1", "port" => {php}, "broken-scriptfilename" => "enable" ))
)
{snippet}
"""
NGINX = """\
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port};
        root {folder}/www;
        index index.php;
        {snippet}
        location ~ \\.php(/|$) {{
            include /etc/nginx/fastcgi_params;
            fastcgi_split_path_info ^(.+?\\.php)(/.*)$;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_pass 127.0.0.1:{php};
        }}
    }}
}}
"""
APACHE = """\
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
User www-data
Group www-data
{modules}
DocumentRoot {folder}/www
DirectoryIndex index.php
<Directory {folder}/www>
    Require all granted
</Directory>
<FilesMatch "\\.php$">
    ProxyFCGIBackendType GENERIC
    SetHandler "proxy:fcgi://127.0.0.1:{php}"
</FilesMatch>
{snippet}
"""
MODULES = "mpm_event dir authz_core authz_user authn_core authn_file auth_basic proxy proxy_fcgi"


def snippet(name: str) -> str:
    """What MIGRATION.md says to write for a server."""
    found = re.search(rf"```{name}\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A page that says what it is asked, for every user to read, and the password's file."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "www/assets").mkdir(parents=True)
        for path in ("domo.php", "domo-edit-script.php", "index.php", "data-xml.php"):
            (folder / "www" / path).write_text(
                "<?php echo 'PHP says ', basename($_SERVER['SCRIPT_FILENAME']);"
            )
        (folder / "www/assets/domo.css").write_text("PHP says nothing")
        making = re.search(r"sudo htpasswd -c (\S+) YOUR-NAME", TEXT)
        assert making and making[1] == "/etc/pvmonit.passwd"
        subprocess.run(
            ["htpasswd", "-bc", folder / "passwd", "moi", "secret"], check=True, capture_output=True
        )
        yield folder


def ask(port: int, path: str, password: str = "", body: str | None = None) -> tuple[int, str]:
    """The status and the text of an address, sent as it is written here."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Basic {base64.b64encode(password.encode()).decode()}"} if password else {}
    try:
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except OSError:
        return 0, ""
    finally:
        connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, as web servers do")
@pytest.mark.skipif(not all(map(shutil.which, ("php-cgi", "htpasswd"))), reason="no php-cgi, or no htpasswd")
@pytest.mark.parametrize("server", ["lighttpd", "nginx", "apache"])
def test_it_asks_for_a_password_where_relays_are_switched_and_nowhere_else(folder: Path, server: str) -> None:
    program = "apache2" if server == "apache" else server
    if not shutil.which(program):
        pytest.skip(f"there is no {program}")
    port, php = free_port(), free_port()
    text = snippet(server).replace("/etc/pvmonit.passwd", f"{folder}/passwd")
    text = text.replace("unix:/run/php/php-fpm.sock", f"127.0.0.1:{php}")
    text = text.replace("include fastcgi_params", "include /etc/nginx/fastcgi_params")
    modules = "\n".join(
        f"LoadModule {one}_module /usr/lib/apache2/modules/mod_{one}.so" for one in MODULES.split()
    )
    pattern = {"lighttpd": LIGHTTPD, "nginx": NGINX, "apache": APACHE}[server]
    config = folder / "server.conf"
    config.write_text(pattern.format(folder=folder, port=port, php=php, snippet=text, modules=modules))
    command = {
        "lighttpd": ["lighttpd", "-D", "-f", config],
        "nginx": ["nginx", "-p", folder, "-c", config, "-g", "daemon off;"],
        "apache": ["apache2", "-X", "-f", config],
    }[server]
    pages = subprocess.Popen(["php-cgi", "-b", f"127.0.0.1:{php}"], stdout=subprocess.DEVNULL)
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        until(lambda: ask(port, "/data-xml.php")[0] == 200)
        for path in OPEN:
            status, said = ask(port, path)
            assert (status, said[:8]) == (200, "PHP says"), path
        for path in CLOSED:
            for body in (None, "script_php=evil()"):
                assert ask(port, path, body=body)[0] == 401, path
                assert ask(port, path, "moi:wrong", body)[0] == 401, path
                assert ask(port, path, "moi:secret", body) == (200, f"PHP says {path[1:]}")
        for path in DETOURS:
            assert "PHP says domo" not in ask(port, path)[1], path
    finally:
        for process in (running, pages):
            process.terminate()
            process.wait(20)
