"""`python -m local.host --port N [--root DIR]`: run a function app until SIGTERM or SIGINT."""

import argparse
import asyncio
import contextlib
import hashlib
import logging
import os
import signal
import sys
from pathlib import Path

from local import http1
from local.host import functions, invocations, settings
from local.host.queues import QueueListener
from local.host.timers import HostLock, Timer
from local.host.web import Web

FINISH_SECONDS = 5.0


async def run(root: Path, port: int) -> None:
    """Load, listen, print `ready`; return after a signal, when running functions had 5 seconds to finish."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host_json = settings.read(root)
    found, runner = functions.load(root), functions.Runner()
    listeners: dict[str, QueueListener | Timer] = {}
    lock: HostLock | None = None
    for function in found:
        if function.kind == "queueTrigger":
            listeners[function.name.lower()] = QueueListener(function, host_json, runner, stop)
        elif function.kind == "timerTrigger":
            lock = lock or HostLock(hashlib.sha256(str(root).encode()).hexdigest()[:32], stop)
            listeners[function.name.lower()] = Timer(function, lock, runner, stop)
    web = Web(found, host_json, runner, {name: listener.trigger for name, listener in listeners.items()})
    server = await http1.serve(web.answer, port)
    loops = [asyncio.create_task(loop.run()) for loop in (*listeners.values(), *([lock] if lock else []))]
    address = "http://{}:{}".format(*server.sockets[0].getsockname())
    print(f"stand-in for the Azure Functions host: {len(found)} functions on {address}\nready", flush=True)
    await asyncio.wait([asyncio.create_task(stop.wait()), *loops], return_when=asyncio.FIRST_COMPLETED)
    for failed in (loop for loop in loops if loop.done() and not stop.is_set()):
        failed.result()
    server.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FINISH_SECONDS):
            await asyncio.gather(*loops)
            await runner.finish()
            await asyncio.sleep(0.05)  # answers of the last functions are written
    os._exit(0)  # the threads of functions that did not finish would keep the process


def main() -> int:
    """The process's exit code: 1, saying why, for an app that a worker would refuse or a port in use."""
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--root", type=Path, default=Path())
    arguments = parser.parse_args()
    handler = logging.StreamHandler()
    handler.setFormatter(invocations.Formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("azure").setLevel(logging.WARNING)  # it logs the headers of every request
    try:
        asyncio.run(run(arguments.root.resolve(), arguments.port))
    except (settings.LoadError, ValueError, OSError) as error:
        functions.LOG.error("cannot start: %s", error, exc_info=error.__cause__)
    return 1


if __name__ == "__main__":
    sys.exit(main())
