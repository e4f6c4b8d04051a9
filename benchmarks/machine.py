"""What a measurement was made on: stated beside every figure that is kept."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("torch", "sentence-transformers", "bm25s", "faiss-cpu")


def machine() -> dict[str, str | int]:
    """Processor, cores, Python, and the versions of the libraries that scores hang on."""
    versions = {name: version(name) for name in LIBRARIES}
    return {"processor": processor(), "cores": os.cpu_count() or 0, "python": platform.python_version()} | versions


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.is_file() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
