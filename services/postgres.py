"""A PostgreSQL cluster of one test: its own folder, user, password and port, gone in the end."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEBIAN_PACKAGES = "postgresql postgresql-postgis"
"""What `make debian` installs for this."""


def program_folder() -> Path:
    """Return the folder of the newest PostgreSQL that has PostGIS.

    Raises:
        RuntimeError: There is none. That is a failure, never a reason to skip.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in folders:
        if Path("/usr/share/postgresql", folder.parent.name, "extension", "postgis.control").exists():
            return folder
    raise RuntimeError(f"got no PostgreSQL with PostGIS, expected Debian's {DEBIAN_PACKAGES}; run `make debian`")


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """Start a cluster on the loopback address; yields the PG* variables that lead to it.

    It runs as the user `postgres` where this process is root, for PostgreSQL refuses root.
    """
    programs, port, password = program_folder(), free_port(), secrets.token_urlsafe(16)
    as_user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="esd-postgres-"))

    def run(program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [programs / program, *arguments], cwd=folder, capture_output=True, text=True, check=False, **as_user
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr or done.stdout}")

    data, secret = folder / "data", folder / "password"
    try:
        secret.write_text(password)
        secret.chmod(0o600)
        if as_user:
            for path in (folder, secret):
                shutil.chown(path, "postgres", "postgres")
        words = ("--username=esd", "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C.UTF-8")
        run("initdb", f"--pgdata={data}", "--no-sync", *words)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=40"
        start = ("start", "--pgdata", data, "--wait", "--silent", "--log", folder / "log", "--options", options)
        # Not captured: the server would hold the pipe open.
        subprocess.run([programs / "pg_ctl", *start], cwd=folder, stdout=subprocess.DEVNULL, check=True, **as_user)
        try:
            yield {
                "PGHOST": "127.0.0.1",
                "PGPORT": str(port),
                "PGUSER": "esd",
                "PGPASSWORD": password,
                "PGDATABASE": "postgres",
            }
        finally:
            run("pg_ctl", "stop", "--pgdata", data, "--mode", "immediate", "--silent")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
