"""Reading: the first candidates are read together with the question by the trained reader, and reordered by both.

Where a reader is at hand it takes the place of reranking. Whether there is an answer is told from the first `DECIDES`
passages in the order of the search, which are always read: so it never depends on how many people ask at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rag.index.snapshot import Snapshot
from rag.models.reader import Reader, Source
from rag.search.query import Query, left_ms
from rag.search.records import Candidates, Ranking, Read
from rag.search.stages import dense
from rag.search.stages.fusion import standard
from rag.search.stages.rerank import blended
from rag.search.stages.stage import Stage
from rag.text.spans import reads_as

WEIGHT = 0.5  # of the reader against the searches, standardised over what is read (benchmarks/results/reader.md)
DECIDES = 5  # passages
SCORE = "reader"
STAGE = Stage(
    "阅读 / reading", "融合与语义两个次序里的前几段轮流取，与问题同读：能否回答，答在哪一句；有阅读模型时代替重排",
    "reader_candidates", {SCORE: "阅读"},
)  # fmt: skip


def read(snapshot: Snapshot, reader: Reader | None, candidates: Candidates) -> tuple[Read, ...]:
    """The first candidates read with the question, in the order of `_first`; none where there is no reader."""
    if reader is None or not candidates.order:
        return ()
    rows = [int(candidates.rows[at]) for at in _first(candidates, _depth(candidates.query, reader))]
    found = reader.read(candidates.query.request.text, [_source(snapshot, row) for row in rows])
    return tuple(Read(row, finding) for row, finding in zip(rows, found, strict=True))


def sentences(snapshot: Snapshot, reader: Reader | None, ranking: Ranking) -> tuple[float, ...]:
    """The answer logit of each sentence of the first hit's passage, read alone under its headings: which of them is shown first.

    None where nothing was read, the question names the place itself, there is one sentence, or others wait.
    """
    query, hit = ranking.query, ranking.hits[0] if ranking.hits else None
    pace, full = query.request.pace.rerank, query.request.settings.rerank_candidates
    if (
        reader is None
        or hit is None
        or hit.named
        or len(hit.passage.sentences) < 2
        or (pace is not None and pace < full)
    ):
        return ()
    whole = _source(snapshot, hit.row)
    texts = [reads_as(hit.passage, *span) for span in hit.passage.sentences]
    found = reader.read(query.request.text, [replace(whole, text=text) for text in texts])
    return tuple(finding.answer for finding in found)


def reordered(candidates: Candidates, reads: Sequence[Read]) -> Candidates:
    """The candidates in the order of both scores; what the question names stays first, what was not read stays behind."""
    by_row = {one.row: one.finding.answer for one in reads}
    given = np.array([by_row.get(int(row), np.nan) for row in candidates.rows], np.float32)
    searched = [at for at in candidates.order if not candidates.is_named(at)]
    read = [at for at in searched if not np.isnan(given[at])]
    if not read:
        return candidates.rescored(SCORE, given, candidates.score)
    rest = [at for at in searched if np.isnan(given[at])]
    score, before = candidates.score.copy(), candidates.score[read]
    both = standard(before, before) + standard(
        candidates.scores[dense.SCORE][read], candidates.scores[dense.SCORE][read]
    )
    score[read] = before.mean() + before.std() * standard(both, both)
    return candidates.rescored(SCORE, given, blended(score, [*read, *rest], given[read], WEIGHT))


def _first(candidates: Candidates, depth: int) -> list[int]:
    """The places to read: first what is named, then in turn the best of the fused order and of the dense one.

    Words help where a question has the text's own, and hurt where it has none of them: so both orders have their say.
    """
    named = [at for at in candidates.order if candidates.is_named(at)]
    fused = [at for at in candidates.order if not candidates.is_named(at)]
    meant = sorted(fused, key=lambda at: (-candidates.scores[dense.SCORE][at], candidates.rows[at]))
    in_turn = [at for pair in zip(fused, meant, strict=True) for at in pair]
    return list(dict.fromkeys([*named, *in_turn]))[:depth]


def _depth(query: Query, reader: Reader) -> int:
    """Passages to read: as the settings say, fewer where others wait or time runs out, never fewer than decide."""
    settings, pace = query.request.settings, query.request.pace
    depth, left = settings.reader_candidates, left_ms(query)
    if pace.rerank is not None and settings.rerank_candidates:
        depth = depth * pace.rerank // settings.rerank_candidates
    if math.isfinite(left):
        depth = min(depth, int(left / reader.cost_ms))
    return max(depth, min(DECIDES, settings.reader_candidates))


def _source(snapshot: Snapshot, row: int) -> Source:
    """A passage under its document's title and those headings that it does not begin with."""
    passage = snapshot.passages[row]
    title = snapshot.titles.get(passage.doc_id, "")
    above = tuple(heading for heading in passage.headings if not passage.text.startswith(heading[:10]))
    return Source(passage.text, "" if title.endswith("…") else title, above)
