"""How much a batch evaluation costs beyond encoding and searching.

    python benchmarks/overhead.py ../shared/bench/drcd [--limit 3000] [--json]

In one run: read the folder, ask every query on the served path, keep each answer, measure, write the whole report. Time
inside `Service.search` is encoding and searching; the rest is overhead. The index is made before (that is encoding).
Exit code 1 when the overhead is 10 % of the wall time or more.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rag.config import load_settings
from rag.evaluation.measures.evaluate import evaluate_beir, limited
from rag.evaluation.measures.indexing import collection_service
from rag.evaluation.measures.runner import ANSWERS
from rag.evaluation.reports.report import write_report
from rag.evaluation.sets.beir import documents, read_collection
from rag.search.documents import RankedDocument
from rag.service import Service

BOUND = 0.10


class Timed(Service):
    """A service that adds up the seconds spent searching."""

    seconds = 0.0

    def search(self, question: str, top_k: int = 100, documents: tuple[str, ...] = ()) -> list[RankedDocument]:
        """As the service does."""
        started = time.perf_counter()
        found = super().search(question, top_k, documents)
        self.seconds += time.perf_counter() - started
        return found


def main() -> int:
    """Run once and report; 1 when the bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=3000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    made = collection_service(load_settings(), options.folder)
    service = Timed(made.settings, made.embedder)
    service.current()
    service.search("预热")
    service.seconds = 0.0

    started = time.perf_counter()
    collection = limited(read_collection(options.folder), options.limit)
    with tempfile.TemporaryDirectory() as folder:
        found = evaluate_beir(service, collection, Path(folder) / ANSWERS)
        texts = {document.doc_id: document.text for document in documents(options.folder)}
        write_report(found, None, Path(folder), lambda doc_id: texts.get(doc_id, ""))
    wall = time.perf_counter() - started

    share = (wall - service.seconds) / wall
    result = {
        "questions": len(found.texts), "documents": found.index.documents, "wall_s": round(wall, 2),
        "search_s": round(service.seconds, 2), "overhead_share": round(share, 4), "bound": BOUND,
        "nDCG@10": round(found.ranking.means["nDCG@10"], 4), "cores": os.cpu_count(),
        "python": platform.python_version(),
    }  # fmt: skip
    if options.json:
        print(json.dumps(result))
    else:
        print(
            f"{result['questions']} questions over {result['documents']} documents: {wall:.1f} s, "
            f"of it encoding and searching {service.seconds:.1f} s; overhead {share:.1%} (bound {BOUND:.0%})"
        )
    return 0 if share < BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
