"""Run the sandbox: `python -m sandbox --port 8765 --catalogue library.csv`."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

import uvicorn

from sandbox.catalogue import DEFAULT_SEED, Catalogue
from sandbox.catalogue_files import SAMPLE, UnreadableCatalogue, read_books
from sandbox.server import Sandbox


class AnnouncingServer(uvicorn.Server):
    """Say where it listens, in one line, as soon as it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen and print the address."""
        try:
            await super().startup(sockets)
        except SystemExit:
            where = self.config.uds or f"{self.config.host}:{self.config.port}"
            print(f"sandbox: cannot listen on {where}; is something else there? --port 0 takes a free one", file=sys.stderr)
            raise
        if self.should_exit:
            return
        where = self.config.uds or "http://{}:{}".format(*self.servers[0].sockets[0].getsockname()[:2])
        print(f"sandbox: invented data at {where}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="Stand in for third parties, with invented data.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0 takes any free one")
    parser.add_argument("--uds", help="listen on this unix socket instead")
    parser.add_argument(
        "--catalogue", type=Path, action="append", default=[], metavar="FILE", help="export (CSV) or dashboard (JSON) to know"
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="decides what is missing, mistaken or invented")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="until each answer starts")
    parser.add_argument(
        "--enforce-limits", dest="limits", action="store_true", default=True, help="count calls against the published limits (default)"
    )
    parser.add_argument("--no-limits", dest="limits", action="store_false", help="let any number of calls through")
    asked = parser.parse_args(arguments)
    catalogue = Catalogue(seed=asked.seed)
    try:
        for path in (*asked.catalogue, SAMPLE):
            catalogue.add(read_books(path))
    except UnreadableCatalogue as problem:
        print(f"sandbox: {problem}", file=sys.stderr)
        return 2
    sandbox = Sandbox(catalogue, options={"latency": asked.latency, "limits": asked.limits})
    config = uvicorn.Config(
        sandbox,
        host=asked.host,
        port=asked.port,
        uds=asked.uds,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="critical",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    server = AnnouncingServer(config)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
