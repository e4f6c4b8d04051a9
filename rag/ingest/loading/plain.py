"""Text files as they are (.txt, .md) and comma-separated tables (.csv)."""

from __future__ import annotations

import csv
import re
from io import StringIO

from rag.errors import LoadError
from rag.ingest.loading.encodings import Decoded, decode
from rag.ingest.loading.metadata import plain_scalars
from rag.ingest.loading.records import Extracted, Job, TextBuilder
from rag.ingest.loading.safety import damaged, too_large
from rag.ingest.loading.tables import table_lines

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_MD_HEADING = re.compile(r"^#{1,2}[ \t]+(.+?)[ \t]*#*[ \t]*\r?$", re.MULTILINE)
_MAX_CSV_FIELD = 10_000_000


def encoding_facts(decoded: Decoded) -> dict[str, str]:
    """Metadata that lets the text be encoded back into the file's bytes, where none of them was replaced."""
    facts = {"encoding": decoded.encoding}
    if decoded.bom:
        facts["bom"] = decoded.bom.hex()
    return facts


def extract_txt(data: bytes, job: Job) -> Extracted:
    """The decoded bytes, newlines and everything else untouched; a byte-order mark is not part of the text.

    Fewer than one damaged byte in a thousand are U+FFFD in the text, with a warning.
    """
    decoded = decode(data, job.name)
    return Extracted(decoded.text, "text/plain", metadata=encoding_facts(decoded), warnings=decoded.warnings)


def extract_md(data: bytes, job: Job) -> Extracted:
    """Markdown kept as it is; title and facts from its front matter or first heading."""
    decoded = decode(data, job.name)
    facts = encoding_facts(decoded)
    warnings = decoded.warnings
    front = _FRONT_MATTER.match(decoded.text)
    title = ""
    if front:
        declared, warning = plain_scalars(front.group(1), f"{job.name} 的 front matter")
        warnings += (warning,) if warning else ()
        title = declared.pop("title", "")
        declared.pop("encoding", None)
        declared.pop("bom", None)
        facts = declared | facts
    heading = _MD_HEADING.search(decoded.text, front.end() if front else 0)
    if not title and heading:
        title = heading.group(1).strip("*_` ")
    return Extracted(
        decoded.text, "text/markdown", title=title, title_certain=bool(title), metadata=facts, warnings=warnings
    )


def extract_csv(data: bytes, job: Job) -> Extracted:
    """Rows as `表头：内容；…` lines."""
    decoded = decode(data, job.name)
    if "\x00" in decoded.text:
        raise damaged(job.name, "CSV 文件")
    csv.field_size_limit(_MAX_CSV_FIELD)
    rows: list[list[str]] = []
    cells = 0
    try:
        for row in csv.reader(StringIO(decoded.text, newline=""), delimiter=_delimiter(decoded.text)):
            cells += len(row)
            if cells > job.limits.max_cells:
                raise too_large(job.name, f"单元格超过上限 {job.limits.max_cells} 个")
            rows.append(row)
    except csv.Error as error:
        raise LoadError(
            f"{job.name}：第 {len(rows) + 1} 行不合 CSV 格式（{error}）；请用表格软件重新导出。 (malformed CSV)",
            code="damaged",
        ) from error
    builder = TextBuilder()
    for line in table_lines(rows, header=_csv_header(rows)):
        builder.add(line)
    return Extracted(builder.text, "text/csv", metadata=encoding_facts(decoded), warnings=decoded.warnings)


def _csv_header(rows: list[list[str]]) -> bool | None:
    """A first row with a name for each column is a header: CSV has no other place for one."""
    if not rows or len(rows[0]) < 2:
        return False
    first = [c.strip() for c in rows[0]]
    named = all(first) and len(set(first)) == len(first) and not any(re.fullmatch(r"[\d.,%/:-]+", c) for c in first)
    return True if named else None


def _delimiter(text: str) -> str:
    """The separator that splits the first lines most evenly: comma, tab, semicolon or bar."""
    lines = [line for line in text[:20_000].splitlines() if line.strip()][:20]
    best, best_score = ",", 0.0
    for mark in ",\t;|":
        counts = [line.count(mark) for line in lines]
        if not counts or not max(counts):
            continue
        score = counts.count(max(set(counts), key=counts.count)) / len(counts) * (min(counts) > 0) + sum(counts) * 1e-6
        if score > best_score:
            best, best_score = mark, score
    return best
