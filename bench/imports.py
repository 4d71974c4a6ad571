"""What it costs to load the app, beside what azure.functions alone costs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

from bench.figures import Figure
from local.stack import ROOT

LIMIT = 2.5
RUNS = 15
_SDKS = ("azure.ai", "azure.core", "azure.identity", "azure.keyvault", "azure.storage", "msal", "msrest", "requests")
_LOADED = f"import function_app, sys; print(*(name for name in sys.modules if name.startswith({_SDKS!r})))"


def measure() -> list[Figure]:
    """Each in processes of its own, in turns, so that a busy moment of the machine falls on all of them."""
    code = {"nothing": "pass", "functions": "import azure.functions", "app": "import function_app"}
    seconds: dict[str, list[float]] = {name: [] for name in code}
    with tempfile.TemporaryDirectory(prefix="registrar-bench-") as compiled:
        for line in code.values():  # compiles everything, as a deployment is
            _seconds(line, compiled)
        for _ in range(RUNS):
            for name, line in code.items():
                seconds[name].append(_seconds(line, compiled))
        loaded = sorted(set(_python(_LOADED, compiled).split()))
    start = median(seconds["nothing"])
    functions, app = median(seconds["functions"]) - start, median(seconds["app"]) - start
    ratio = app / functions
    text = f"{ratio:.2f} x ({app * 1000:.0f} ms and {functions * 1000:.0f} ms)"
    return [
        Figure("`import function_app` against `import azure.functions`", text, f"at most {LIMIT} x", ratio <= LIMIT),
        Figure("SDK modules that it loads", ", ".join(loaded[:5]) or "none", "none", not loaded),
    ]


def _seconds(code: str, compiled: str) -> float:
    started = time.perf_counter()
    _python(code, compiled)
    return time.perf_counter() - started


def _python(code: str, compiled: str) -> str:
    """Bytecode is kept in `compiled`, whatever the shell says: else changed sources are compiled in each process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = compiled
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
