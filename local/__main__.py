"""`python -m local <command>`: what the Makefile's targets run."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from local import azurite, demo, supervisor
from local.identity import MANAGEMENT, token
from local.stack import StackError, read_description


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description="Azure on your machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="the whole stack, until Ctrl-C or until whoever started it ends")
    start.add_argument("--dir", type=Path, default=Path(".local"), help="where its files go (default: .local)")
    start.add_argument("--port", type=int, default=7071, help="of the API; 0: a free one (default: 7071)")
    taken = "seconds until a dead worker's queue message comes back (default: 600, as on Azure)"
    start.add_argument("--visibility", type=int, default=600, help=taken)
    commands.add_parser("demo", help="a stack of its own, one request, and what came of it")
    get = commands.add_parser("token", help="a token of one of the running stack's identities")
    get.add_argument("identity", help="data-factory, data-owner, stranger, platform-admin")
    get.add_argument("--resource", help=f"what it is for (default: the app; {MANAGEMENT}: ARM)")
    arm = commands.add_parser("arm", help="the address of the running stack's Resource Manager")
    for asks in (get, arm):
        asks.add_argument("--dir", type=Path, default=Path(".local"), help="the stack's files (default: .local)")
    commands.add_parser("azurite", help="Azurite alone, on its default ports")
    commands.add_parser("install", help="what Azurite needs")
    arguments = parser.parse_args()
    match arguments.command:
        case "start":
            return supervisor.run(arguments.dir, port=arguments.port, visibility=arguments.visibility)
        case "token" | "arm":
            return _ask(arguments)
        case "demo":
            return demo.main()
        case "azurite":
            command = azurite.command(10000, 10001, 10002)
            os.execv(command[0], command)  # noqa: S606 - there is no shell to start it through
        case "install":
            try:
                azurite.install()
            except subprocess.CalledProcessError as error:
                print(f"Azurite could not be set up: {error}", file=sys.stderr)
                return 1
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    """Something about the stack that runs: on stdout, so that a shell can put it into a variable."""
    try:
        stack = read_description(arguments.dir)
        if stack is None:
            raise StackError(f"No stack runs in {arguments.dir}: start one with `make start`.")
        print(stack["arm"] if arguments.command == "arm" else token(stack, arguments.identity, arguments.resource))
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
