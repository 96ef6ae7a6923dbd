"""Start the whole project on this machine, import a library, and serve until Ctrl-C."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from bookops.books import Book
from bookops.language_models import LanguageModel
from bookops.stack.errors import StackError
from bookops.stack.given import demand_broker, demand_database
from bookops.stack.machine import ADMIN, MachineSecrets, ensure_admin
from bookops.stack.migrating import migrate_if_needed
from bookops.stack.only_one import only_one
from bookops.stack.parts import main_jobs, project_parts, sandbox_part, valkey_part
from bookops.stack.sockets import demand_free_port, free_port
from bookops.stack.supervisor import Part, Supervisor
from bookops.stack.valkey import Valkey, remove_left_socket

HOST = "127.0.0.1"
FLOWER_PORT = 5555


class Command(BaseCommand):
    help = "Start web, workers, beat, sweeper, Flower, a Valkey and the sandbox; import a library; serve until Ctrl-C."
    # They import every view; the parts find out by themselves, and a start should take seconds.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the web server, on loopback")
        parser.add_argument("--library", type=Path, default=None, help="the export to import (default: the sample)")
        parser.add_argument("--catalogue", type=Path, default=None, help="books the sandbox is to know: an export or a dashboard")
        parser.add_argument("--once", action="store_true", help="stop after the import; exit code 0 only if it succeeded")

    def handle(self, *, port: int, library: Path | None, catalogue: Path | None, once: bool, **_: Any) -> None:
        library = readable(library, "LIBRARY")
        catalogue = readable(catalogue, "CATALOGUE")
        try:
            with only_one(settings.VAR_DIR / "up.lock"):
                code = self.bring_up(port, library, catalogue, once)
        except StackError as problem:
            raise CommandError(str(problem)) from problem
        if code:
            sys.exit(code)

    def bring_up(self, port: int, library: Path | None, catalogue: Path | None, once: bool) -> int:
        """Run everything and return the exit code: the main job's with `once`, else 0 after Ctrl-C.

        What there is to show is shown once: without `once` or a library, a later start only serves.
        """
        demand_free_port(port, HOST)
        demand_database()
        if settings.REDIS_URL_GIVEN:
            demand_broker()
        elif settings.STACK_FILE.exists():
            # The one before was killed: this file, which settings have read, still says where its broker was.
            remove_left_socket(settings.REDIS_URL)
        flower_port, sandbox_port = free_port(FLOWER_PORT), free_port()
        kept_at = settings.VAR_DIR / "machine.json"
        kept = MachineSecrets.load_or_make(kept_at)
        valkey = None if settings.REDIS_URL_GIVEN else Valkey(settings.VAR_DIR / "valkey")
        shared = {
            "PUBLIC_URL": f"http://{HOST}:{port}",
            "SANDBOX_URL": f"http://{HOST}:{sandbox_port}",
            "SECRET_KEY": kept.secret_key if settings.SECRET_KEY == settings.INSECURE_SECRET_KEY else settings.SECRET_KEY,
            "REDIS_URL": valkey.url if valkey else settings.REDIS_URL_GIVEN,
        }
        env = os.environ | shared | {"FLOWER_BASIC_AUTH": f"{ADMIN}:{kept.flower_password}", "PYTHONUNBUFFERED": "1"}
        ground: list[Part] = [valkey_part(valkey)] if valkey else []
        if settings.SOURCES == "sandbox":
            ground.append(sandbox_part(sandbox_port, [catalogue] if catalogue else []))
        try:
            with Supervisor(logs=settings.VAR_DIR / "log", env=env, say=self.stderr.write) as supervisor:
                for part in ground:
                    supervisor.start(part)
                if migrate_if_needed() or not LanguageModel.objects.exists():
                    call_command("load_models", verbosity=0, stdout=StringIO())
                    call_command("load_reference_data", verbosity=0, stdout=StringIO())
                    call_command("make_groups", verbosity=0, stdout=StringIO())
                    self.stdout.write(f"The database is ready: {settings.DATABASE['ENGINE'].rsplit('.', 1)[1]}")
                kept = ensure_admin(kept)
                kept.save(kept_at)
                supervisor.wait_for(ground)
                share(shared, settings.STACK_FILE)
                parts = project_parts(host=HOST, port=port, flower_port=flower_port)
                for part in parts:
                    supervisor.start(part)
                shown = settings.VAR_DIR / "shown"
                code = 0
                if once or library or not (shown.exists() and Book.objects.exists()):
                    code = self.do_main_job(supervisor, library)
                    if library is None and not code:
                        shown.touch()
                else:
                    self.stdout.write("What was imported before is still here. Another export: make run LIBRARY=path.csv")
                if not once and not supervisor.asked_to_stop:
                    if code:
                        self.stderr.write(f"The last command did not succeed (exit code {code}); everything else is up.")
                    supervisor.wait_for(parts)
                    self.say_where(port, flower_port, sandbox_port, kept)
                    supervisor.watch()
                    self.stdout.write("\nStopping ...")
            if once:
                return code
            self.stdout.write(f"Stopped. Everything is kept in {settings.VAR_DIR}")
            return 0
        finally:
            settings.STACK_FILE.unlink(missing_ok=True)
            if valkey:
                valkey.remove_socket()

    def do_main_job(self, supervisor: Supervisor, library: Path | None) -> int:
        """Import the library, or show all flows; return the exit code of the first command that did not succeed."""
        for command in main_jobs(library, ADMIN):
            code = supervisor.run(command)
            if code:
                return code
        return 0

    def say_where(self, port: int, flower_port: int, sandbox_port: int, kept: MachineSecrets) -> None:
        """Print where to look and how to log in."""
        web = f"http://{HOST}:{port}"
        answering = f"http://{HOST}:{sandbox_port}/_sandbox/settings"
        sandbox = f"\n  Sandbox    {answering}   (how it answers; POST changes it)" if settings.SOURCES == "sandbox" else ""
        self.stdout.write(
            f"""
  Admin      {web}/admin/
  API docs   {web}/api/docs
  Flower     http://{HOST}:{flower_port}/   ({ADMIN} / {kept.flower_password}){sandbox}
  Log in     {ADMIN} / {kept.password}   (made for this machine)
  API token  curl -H "Authorization: Token {kept.token}" {web}/api/imports
  Data       {settings.VAR_DIR}   (logs in log/)

Ctrl-C stops everything."""
        )


def readable(path: Path | None, variable: str) -> Path | None:
    """Return the path made absolute. Raises CommandError when there is no such file to read."""
    if path is None:
        return None
    if not path.is_file() or not os.access(path, os.R_OK):
        raise CommandError(f"{variable}={path} is no file that can be read. Give the path of an export (CSV).")
    return path.resolve()


def share(variables: dict[str, str], path: Path) -> None:
    """Write what a command in another terminal needs to join this stack, readable by its owner only."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in variables.items())
