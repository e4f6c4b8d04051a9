"""Read a question and a passage together: does the passage answer, and where?

The reader is the base model with its upper layers trained for this one question; embeddings and lower layers are the
embedder's own, in memory once. Two heads: an answer logit over the first token's and the mean state, and a start and an
end logit a token, where the first token stands for "no answer here" (SQuAD 2.0's form: Devlin et al. 2019,
arXiv:1810.04805). How it was trained and what it reaches stands on its card, embeddings/reader/README.md.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from rag.errors import ModelError
from rag.models.embedding import Embedder, TransformerEmbedder
from rag.text.tokenizing import simplify

if TYPE_CHECKING:
    import torch
    from tokenizers import Encoding

CARD, WEIGHTS = "reader.json", "reader.safetensors"
BATCH = 4  # passages of like length read together: less padding
FIRST_GUESS_MS = 25.0  # a passage on two cores; the time that calls really take replaces it
SMOOTHING = 0.3  # of the latest call in the running mean of its cost
HEADING_MAX = 60  # characters of the title and of each heading that are read
HEADINGS = 2  # nearest headings that are read
SPAN_MAX = 100  # tokens of an answer
NONE = 0  # the token that stands for "no answer here"


@dataclass(frozen=True, slots=True)
class Source:
    """A passage to be read: its text, and the title and headings above it."""

    text: str
    title: str = ""
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What the reader makes of one passage.

    answer: logit that it answers. margin: logit of the best span over that of none. start, end: that span, code points
    of the passage's text, half-open.
    """

    answer: float
    margin: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Decision:
    """A logistic model of whether a question is answered. weights: by the signal's name. cutoff: where answering begins."""

    weights: Mapping[str, float]
    bias: float
    cutoff: float


class Reader(Protocol):
    """What reads passages together with the question.

    identity: name and version. decision: fitted on its findings. cost_ms: what one passage takes here, a running mean.
    """

    identity: str
    decision: Decision
    cost_ms: float

    def read(self, question: str, sources: Sequence[Source]) -> tuple[Finding, ...]:
        """One finding a passage, in the order given."""
        ...


class EvidenceReader:
    """The trained reader over an embedder's own transformer."""

    def __init__(self, embedder: TransformerEmbedder, folder: Path) -> None:
        """Load the trained layers. Raises ModelError when they are missing, damaged or made for another model."""
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        card = _card(folder)
        try:
            weights = load_file(folder / WEIGHTS)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"阅读模型 {folder} 读不出：{error}。/ The reader cannot be loaded.") from error
        self.identity, self.cost_ms = str(card["name"]), FIRST_GUESS_MS
        decision = card["decision"]
        self.decision = Decision(dict(decision["weights"]), float(decision["bias"]), float(decision["cutoff"]))
        self._tokens, self._tokenizer = int(card["tokens"]), copy.deepcopy(embedder.model.tokenizer.backend_tokenizer)
        self._tokenizer.enable_truncation(self._tokens, strategy="only_second")
        self._tokenizer.no_padding()
        self._pad = int(embedder.model.tokenizer.pad_token_id)
        self._body = _with_layers(cast("torch.nn.Module", embedder.model[0].auto_model), int(card["frozen"]), weights)
        self._answer = torch.nn.Linear(2 * embedder.dim, 1)
        self._span = torch.nn.Linear(embedder.dim, 2)
        for name, head in (("answer", self._answer), ("span", self._span)):
            head.load_state_dict({part: weights[f"{name}.{part}"].float() for part in ("weight", "bias")})

    def read(self, question: str, sources: Sequence[Source]) -> tuple[Finding, ...]:
        """One finding a passage, in the order given; passages of like length are read together."""
        import torch

        if not sources:
            return ()
        started = time.perf_counter()
        asked = f"query: {simplify(question)}"
        leads = [lead_of(source) for source in sources]
        read = [_simplified(source.text) for source in sources]
        encoded = self._tokenizer.encode_batch(
            [(asked, simplify(lead) + text) for lead, text in zip(leads, read, strict=True)]
        )
        found: list[Finding | None] = [None] * len(sources)
        order = sorted(range(len(sources)), key=lambda at: len(encoded[at].ids))
        with torch.inference_mode():
            for first in range(0, len(order), BATCH):
                part = order[first : first + BATCH]
                answers, spans = self._logits([encoded[at].ids for at in part])
                for row, at in enumerate(part):
                    lead = len(simplify(leads[at]))
                    found[at] = _finding(float(answers[row]), spans[row], encoded[at], lead, len(sources[at].text))
        self.cost_ms += SMOOTHING * ((time.perf_counter() - started) * 1e3 / len(sources) - self.cost_ms)
        return tuple(finding for finding in found if finding is not None)

    def _logits(self, ids: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
        """(passages,) answer logits and (passages, tokens, 2) start and end logits of one padded batch."""
        import torch

        longest = max(map(len, ids))
        padded = torch.full((len(ids), longest), self._pad, dtype=torch.long)
        mask = torch.zeros((len(ids), longest), dtype=torch.long)
        for row, own in enumerate(ids):
            padded[row, : len(own)] = torch.tensor(own)
            mask[row, : len(own)] = 1
        states = self._body(input_ids=padded, attention_mask=mask).last_hidden_state.float()
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        answers = self._answer(torch.cat([states[:, 0], mean], -1)).squeeze(-1)
        return answers.numpy(), self._span(states).numpy()


def _with_layers(base: torch.nn.Module, frozen: int, weights: dict[str, torch.Tensor]) -> torch.nn.Module:
    """The base transformer with the layers from `frozen` on replaced; what is below is shared, not copied."""
    import torch

    whole = cast("torch.nn.Module", base.encoder)
    layers = cast("torch.nn.ModuleList", whole.layer)
    upper = copy.deepcopy(layers[frozen:])
    for number, layer in enumerate(upper, frozen):
        prefix = f"body.encoder.layer.{number}."
        layer.load_state_dict({name.removeprefix(prefix): t for name, t in weights.items() if name.startswith(prefix)})
    encoder = copy.copy(whole)
    encoder._modules = dict(whole._modules)
    encoder.layer = torch.nn.ModuleList([*layers[:frozen], *upper])
    body = copy.copy(base)
    body._modules = dict(base._modules)
    body.encoder = encoder
    return body


def lead_of(source: Source) -> str:
    """Title and nearest headings, a line each, as they stood before a passage in training."""
    return "".join(f"{line[:HEADING_MAX]}\n" for line in (source.title, *source.headings[-HEADINGS:]) if line)


def _simplified(text: str) -> str:
    """The text in simplified characters where that keeps its length, for spans are counted in it."""
    simple = simplify(text)
    return simple if len(simple) == len(text) else text


def _finding(answer: float, span: np.ndarray, encoding: Encoding, lead: int, length: int) -> Finding:
    """The best span of a passage's own tokens, those of title and headings left out.

    span: (tokens, 2) logits of start and end.
    """
    own = [
        at for at, (side, (a, b)) in enumerate(zip(encoding.sequence_ids, encoding.offsets, strict=True))
        if side == 1 and a >= lead and b > a
    ]  # fmt: skip
    if not own:
        return Finding(answer, -float("inf"), 0, 0)
    starts, ends = span[own, 0], span[own, 1]
    pairs = starts[:, None] + ends[None, :]
    width = np.arange(len(own))[None, :] - np.arange(len(own))[:, None]
    pairs = np.where((width >= 0) & (width < SPAN_MAX), pairs, -np.inf)
    first, last = np.unravel_index(int(pairs.argmax()), pairs.shape)
    margin = float(pairs[first, last] - span[NONE].sum())
    a, b = encoding.offsets[own[first]][0] - lead, encoding.offsets[own[last]][1] - lead
    return Finding(answer, margin, max(0, a), min(length, b))


def load_reader(embedder: Embedder, folder: str) -> Reader | None:
    """The reader in a folder; None where none is named, and for a model that it was not trained for.

    Raises ModelError when the folder does not hold a reader.
    """
    if not folder or not isinstance(embedder, TransformerEmbedder):
        return None
    return EvidenceReader(embedder, Path(folder)) if _card(Path(folder))["base"] == embedder.revision else None


def _card(folder: Path) -> dict[str, Any]:
    """What stands on a reader's card. Raises ModelError when there is none."""
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"阅读模型 {folder} 读不出：{error}。/ The reader cannot be loaded.") from error
    return card
