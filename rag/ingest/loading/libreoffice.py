"""Old files of Office and WPS (.doc, .wps, .xls, .et, .ppt, .dps): LibreOffice, where installed, makes new ones of them.

It runs without a window, with a profile folder of its own, in a folder that is removed, and is ended with all its
children when it takes too long.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from rag.errors import LoadError
from rag.ingest.loading.formats import BY_KIND
from rag.ingest.loading.records import Extracted, Job
from rag.ingest.loading.safety import damaged, too_large
from rag.ingest.loading.sheets import extract_xlsx
from rag.ingest.loading.slides import extract_pptx
from rag.ingest.loading.word import extract_docx


def find_soffice() -> str | None:
    """The path of LibreOffice's program, looked up on PATH; None when it is not installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def extract_doc(data: bytes, job: Job) -> Extracted:
    """The text of an old Word or WPS document.

    Raises LoadError `libreoffice-missing`, `damaged` (it cannot be converted) or `too-large` (it takes too long).
    """
    found = extract_docx(_converted(data, job, "doc", "docx", "writer"), job)
    return replace(found, media_type="application/msword")


def extract_xls(data: bytes, job: Job) -> Extracted:
    """The text of an old Excel or WPS workbook; raises as extract_doc does."""
    found = extract_xlsx(_converted(data, job, "xls", "xlsx", "calc"), job)
    return replace(found, media_type="application/vnd.ms-excel")


def extract_ppt(data: bytes, job: Job) -> Extracted:
    """The text of an old PowerPoint or WPS presentation; raises as extract_doc does."""
    found = extract_pptx(_converted(data, job, "ppt", "pptx", "impress"), job)
    return replace(found, media_type="application/vnd.ms-powerpoint")


def _converted(data: bytes, job: Job, kind: str, target: str, part: str) -> bytes:
    """The file in its newer format. kind, target: suffixes of the old one and the new. part: LibreOffice's for it."""
    program = find_soffice()
    if program is None:
        raise LoadError(
            f"{job.name}：读旧版 {'/'.join(BY_KIND[kind].suffixes)} 需要安装 LibreOffice"
            f"（Debian/Ubuntu：apt install libreoffice-{part}-nogui），或请先另存为 .{target}。"
            " (LibreOffice is needed to read this format)",
            code="libreoffice-missing",
        )
    with tempfile.TemporaryDirectory(prefix="yuanwen-office-", ignore_cleanup_errors=True) as folder:
        source = Path(folder, f"input.{kind}")
        source.write_bytes(data)
        _convert(program, source, target, job)
        result = Path(folder, "out", f"input.{target}")
        if not result.is_file():
            raise damaged(job.name, BY_KIND[kind].label)
        if result.stat().st_size > job.limits.max_bytes:
            raise too_large(job.name, "转换后的文件超过上限")
        return result.read_bytes()


def _convert(program: str, source: Path, target: str, job: Job) -> None:
    folder = source.parent
    command = [
        program, "--headless", "--norestore", "--nolockcheck", "--nodefault", "--nofirststartwizard",
        f"-env:UserInstallation={Path(folder, 'profile').as_uri()}",
        "--convert-to", target, "--outdir", str(Path(folder, "out")), str(source),
    ]  # fmt: skip
    # Nothing of the caller's environment but what it needs to run: no proxy, no display, no other profile.
    environment = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL") if key in os.environ}
    environment["HOME"] = str(folder)
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
        env=environment, start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(timeout=job.limits.office_seconds)
    except subprocess.TimeoutExpired as error:
        raise too_large(job.name, f"LibreOffice 转换超过 {job.limits.office_seconds:.0f} 秒") from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
