"""Rewrite requirements.lock and requirements-dev.lock from pyproject.toml, in a scratch environment.

`make lock`. torch goes in first, so that the build without CUDA that pip is set up to find stays.
"""

import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Written by `make lock` from pyproject.toml; installed with --no-deps.\n"


def frozen(python: Path) -> dict[str, str]:
    """Name → pinned line of everything installed, local version suffixes (+cpu) dropped."""
    listed = subprocess.run(
        [python, "-m", "pip", "freeze", "--all", "--exclude-editable"], capture_output=True, text=True, check=True
    ).stdout
    pins = {}
    for line in listed.splitlines():
        name, _, version = line.partition("==")
        if version and name.lower() not in {"pip", "yuanwen"}:
            name = name.lower().replace("_", "-")  # PEP 503
            pins[name] = f"{name}=={re.sub(r'[+].*', '', version)}"
    return pins


def main() -> None:
    """Install the runtime set, freeze; add the development set, freeze the difference."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime, dev = project["dependencies"], project["optional-dependencies"]["dev"]
    torch = [line for line in runtime if line.startswith("torch==")]
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["python3", "-m", "venv", scratch], check=True)
        python = Path(scratch) / "bin" / "python"
        for wanted in (["setuptools", "wheel", *torch], runtime):
            subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        pins = frozen(python)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *dev], check=True)
        extra = {name: pin for name, pin in frozen(python).items() if name not in pins}
    if any("nvidia" in name for name in pins | extra):
        raise SystemExit("an nvidia package came along; install torch without CUDA first")
    for name, lines in (("requirements.lock", pins), ("requirements-dev.lock", extra)):
        (ROOT / name).write_text(HEADER + "\n".join(sorted(lines.values())) + "\n", encoding="utf-8")
        print(f"{name}: {len(lines)} packages")


if __name__ == "__main__":
    main()
