"""`python -m local.azure --config <file>`: the local Azure, until SIGINT or SIGTERM."""

import argparse
import asyncio
import contextlib
import functools
import json
import logging
import signal
import ssl
from pathlib import Path

from local.azure.arm import Arm
from local.azure.config import Config
from local.azure.emulator import Emulator
from local.azure.entra import Entra
from local.azure.front import Front
from local.azure.rbac import Roles
from local.azure.tokens import Authority
from local.azure.vault import Vault
from local.http1 import Handler, serve

LOG = logging.getLogger("azure")


async def run(config: Config) -> None:
    """Serve on all four ports; print `ready` once they listen. Raises OSError for a port that is taken."""
    authority = Authority(config)
    roles = Roles(config.assignments)
    entra, vault = Entra(authority, roles), Vault(authority)
    arm = Arm(authority, entra, roles)
    emulator = Emulator(authority, arm, vault)
    front = Front(authority, json.loads(config.auth.read_text(encoding="utf-8")), LOG.info)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(config.certificate, config.key)
    log, ports = LOG.info, config.ports
    served: list[tuple[Handler, int, ssl.SSLContext | None]] = [
        (emulator.watch(arm.handle, functools.partial(log, "arm %s")), ports.arm, tls),
        (emulator.watch(vault.handle, functools.partial(log, "vault %s")), ports.vault, tls),
        (entra.identity, ports.identity, None),
        (front.handle, ports.front, None),
    ]
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    servers = [await serve(handler, port, tls=context) for handler, port, context in served]
    print("ready", flush=True)
    await stop.wait()
    for server in servers:
        server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Azure on this machine: ARM, Key Vault, tokens, Easy Auth.")
    parser.add_argument("--config", type=Path, required=True, help="the file that the supervisor writes")
    file: Path = parser.parse_args().config
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(Config.model_validate_json(file.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
