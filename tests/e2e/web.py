"""Real web servers on loopback, nginx and Apache, whose workers run as www-data; and curl."""

import subprocess
from pathlib import Path

import servers
from servers import HERE, Reply

FOLDER = Path("/srv/twostep-web")
SECRET = "the page behind the password\n"

NGINX = """\
include /etc/nginx/modules-enabled/50-mod-http-auth-pam.conf;
user www-data;
daemon off;
pid {folder}/pid;
error_log {folder}/log info;
events {{
}}
http {{
  access_log off;
  server {{
    listen {host}:{port};
    root {folder}/pages;
    {recipe}
  }}
}}
"""

APACHE = """\
ServerRoot /usr/lib/apache2
ServerName localhost
Listen {host}:{port}
User www-data
Group www-data
PidFile {folder}/pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/log
DocumentRoot {folder}/pages
{modules}
{recipe}
"""
APACHE_MODULES = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_basic", "authnz_pam", "authnz_external", "socache_shmcb",
                  "authn_socache"]


class _Server(servers.Process):
    def __init__(self, config, line, **settings):
        port = servers.free_port()
        self.folder = FOLDER / str(port)
        page = self.folder / "pages" / "private" / "page.txt"
        page.parent.mkdir(parents=True)
        page.write_text(SECRET)
        file = self.folder / "config"
        file.write_text(config.format(folder=self.folder, host=HERE, port=port, **settings))
        super().__init__([servers.require(line[0]), *line[1:], file], port, self.folder / "output")

    def admit(self, person):
        """These servers know no users of their own."""

    def log_in(self, person, password):
        """One request of curl."""
        address = f"http://{HERE}:{self.port}/private/page.txt"
        told = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "120", "--basic", "--user", f"{person.name}:{password}",
                               "--write-out", "%{http_code}", address], capture_output=True, text=True, timeout=150, check=True)
        return Reply(told.stdout == f"{SECRET}200", told.stdout)


class Nginx(_Server):
    def __init__(self, recipe):
        super().__init__(NGINX, ["nginx", "-c"], recipe=recipe)


class Apache(_Server):
    def __init__(self, recipe):
        modules = "\n".join(f"LoadModule {name}_module modules/mod_{name}.so" for name in APACHE_MODULES)
        super().__init__(APACHE, ["apache2", "-DFOREGROUND", "-f"], modules=modules, recipe=recipe)
