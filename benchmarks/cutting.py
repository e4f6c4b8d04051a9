"""Loading and cutting of UTF-8 text, without embedding: `python -m benchmarks.cutting FOLDER`. Expected ≥ 5 MB/s a core.

FOLDER: any folder of .txt or .md files, such as the laws corpus unpacked; the seeds repeated when none is given.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from rag.config import ROOT
from rag.ingest.chunking import cut
from rag.ingest.cleaning import find_removals
from rag.ingest.loading import discover, load


def corpus(folder: Path, copies: int = 60) -> Path:
    """The seeds, several times over, each copy under its own name."""
    for path in sorted((ROOT / "seeds").glob("*.txt")):
        for copy in range(copies):
            (folder / f"{copy:03d}_{path.name}").write_bytes(path.read_bytes())
    return folder


def main() -> None:
    """Time three passes over the files and print the median speed and what was cut."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--limit", type=int, default=600, help="files at most")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sources = discover([arguments.folder or corpus(Path(scratch))])[: arguments.limit]
        speeds, passages, size = [], 0, sum(source.path.stat().st_size for source in sources)
        for _ in range(3):
            started, passages = time.process_time(), 0
            for source in sources:
                for document in load(source).documents:
                    passages += len(cut(document, find_removals(document)))
            speeds.append(size / 1e6 / (time.process_time() - started))
    print(
        f"{len(sources)} files, {size / 1e6:.1f} MB, {passages} passages: median {statistics.median(speeds):.1f} MB/s"
    )


if __name__ == "__main__":
    main()
