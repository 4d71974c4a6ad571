"""What it costs to load the app, beside what azure.functions alone costs."""

from __future__ import annotations

import subprocess
import sys
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
    _seconds(code["app"])  # compiles what is not compiled yet
    seconds: dict[str, list[float]] = {name: [] for name in code}
    for _ in range(RUNS):
        for name, line in code.items():
            seconds[name].append(_seconds(line))
    start = median(seconds["nothing"])
    functions, app = median(seconds["functions"]) - start, median(seconds["app"]) - start
    ratio = app / functions
    text = f"{ratio:.2f} x ({app * 1000:.0f} ms and {functions * 1000:.0f} ms)"
    loaded = sorted(set(_python(_LOADED).split()))
    return [
        Figure("`import function_app` against `import azure.functions`", text, f"at most {LIMIT} x", ratio <= LIMIT),
        Figure("SDK modules that it loads", ", ".join(loaded[:5]) or "none", "none", not loaded),
    ]


def _seconds(code: str) -> float:
    started = time.perf_counter()
    _python(code)
    return time.perf_counter() - started


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
