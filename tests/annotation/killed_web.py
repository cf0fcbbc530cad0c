"""A web server whose process is killed and begun anew, for the test that kills it.

Run as a process: the parent loads the application once and keeps the socket; each child is a real uvicorn process that
serves until it is killed. Prints the port and then the id of each child.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import uvicorn
from django.urls import get_resolver

from config.asgi import application


def main() -> None:
    # Loaded here, once: a process that has just begun answers as quickly as one that has been there for long.
    get_resolver().url_patterns  # noqa: B018
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    say(listening.getsockname()[1])
    while True:
        child = os.fork()
        if child == 0:
            serve(listening)
        say(child)
        os.waitpid(child, 0)


def serve(listening: socket.socket) -> None:
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
    asyncio.run(server.serve(sockets=[listening]))
    os._exit(0)


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
