"""Train the reader's upper layers and heads; resumes from its last state.

The loss of a group (a question with several passages): softmax over the passages and a null passage of logit 0, so that
the best of many passages is what is calibrated; binary cross-entropy of each pair; cross-entropy of start and end (SQuAD
2.0's form: Devlin et al. 2019, arXiv:1810.04805). No dropout: drawing its numbers takes most of the time on a CPU.
"""

from __future__ import annotations

import random
import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Encoding, Tokenizer
from torch.nn import functional

from benchmarks.training.reader_groups import without

GROUPS = 10  # questions a step
CHUNK = 16  # pairs of like length encoded together
WARMUP = 150  # steps
HELD_OUT = 20  # one document in so many is kept from training
TOKENS, FROZEN = 256, 4  # of question and passage together; lowest layers that stay as they are, with the embeddings
RATE, HEADS_RATE = 1.2e-4, 10.0  # AdamW's, and how many times as much for the heads
POSITIVE, SPAN = 2.0, 0.15  # weights: of an answering pair, and of the span's loss
CUT, OTHER_YEAR = 0.45, 0.12  # shares of questions with the answer cut out of its passage, or asked of another year
DROPPED = 0.12  # share of answerable questions whose answering passage is left out, so that only search hits remain
SAVE_SECONDS = 240
_YEAR = re.compile(r"(?:19|20)\d\d")

Pair = tuple[str, str, int, int]  # question, text, start, end; -1, -1 where the text does not answer


@dataclass(frozen=True, slots=True)
class Recipe:
    """One run. seconds: how long. decay: share of it in which the rate falls to 0; 0 for a run that another resumes."""

    seconds: float
    decay: float = 0.5
    threads: int = 2
    seed: int = 5


def held_out(name: str) -> bool:
    """Whether a document's groups are kept from training."""
    return zlib.crc32(name.encode()) % HELD_OUT == 0


class ReaderNet(torch.nn.Module):
    """The base model's body with an answer head and a span head, in bfloat16 but for the heads."""

    def __init__(self, base: Path) -> None:
        """Start from the base model's weights."""
        super().__init__()
        from transformers import AutoModel

        self.body = AutoModel.from_pretrained(
            str(base), dtype=torch.bfloat16, attn_implementation="eager", add_pooling_layer=False
        ).eval()
        hidden = self.body.config.hidden_size
        self.answer, self.span = torch.nn.Linear(2 * hidden, 1), torch.nn.Linear(hidden, 2)
        for part in (self.body.embeddings, *self.body.encoder.layer[:FROZEN]):
            part.requires_grad_(False)

    def trained(self) -> dict[str, torch.Tensor]:
        """What a reader's folder holds: the layers above the frozen ones, and the heads."""
        kept = tuple(f"body.encoder.layer.{at}." for at in range(FROZEN, len(self.body.encoder.layer)))
        names = (*kept, "answer.", "span.")
        return {name: t.detach().contiguous() for name, t in self.state_dict().items() if name.startswith(names)}

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n,) answer logits, and (n, tokens, 2) start and end logits; token 0 stands for none."""
        states = self.body(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        allowed = text.clone()
        allowed[:, 0] = True
        spans = self.span(states).masked_fill(~allowed[..., None], -1e4)
        return self.answer(torch.cat([states[:, 0], mean], -1)).squeeze(-1), spans


def tokenizer_of(base: Path) -> Tokenizer:
    """The base model's, cutting the passage where a pair is too long."""
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.enable_truncation(TOKENS, strategy="only_second")
    tokenizer.no_padding()
    return tokenizer


def logits_of(net: ReaderNet, tokenizer: Tokenizer, pairs: Sequence[Pair]) -> tuple[torch.Tensor, torch.Tensor]:
    """(pairs,) answer logits, and the loss of each pair's span."""
    encoded = tokenizer.encode_batch([(f"query: {question}", text) for question, text, _, _ in pairs])
    order = sorted(range(len(pairs)), key=lambda at: len(encoded[at].ids))
    answers, losses = [], []
    for first in range(0, len(order), CHUNK):
        part = order[first : first + CHUNK]
        answer, spans = net(*_tensors([encoded[at] for at in part]))
        want = torch.tensor([_tokens_of(encoded[at], pairs[at]) for at in part])
        loss = sum(functional.cross_entropy(spans[..., side], want[:, side], reduction="none") for side in (0, 1))
        answers.append(answer)
        losses.append(loss)
    back = torch.tensor(sorted(range(len(order)), key=order.__getitem__))
    return torch.cat(answers)[back], torch.cat(losses)[back]


def _tokens_of(encoding: Encoding, pair: Pair) -> tuple[int, int]:
    """The first and the last token of a pair's span; 0, 0 for none."""
    _, _, start, end = pair
    inside = [
        at for at, (side, (a, b)) in enumerate(zip(encoding.sequence_ids, encoding.offsets, strict=True))
        if side == 1 and a < end and b > start and b > a
    ] if start >= 0 else []  # fmt: skip
    return (inside[0], inside[-1]) if inside else (0, 0)


def _tensors(encoded: Sequence[Encoding]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Padded ids and mask, and which tokens are the passage's."""
    longest = max(len(one.ids) for one in encoded)
    ids = torch.ones((len(encoded), longest), dtype=torch.long)
    mask, text = torch.zeros_like(ids), torch.zeros_like(ids, dtype=torch.bool)
    for row, one in enumerate(encoded):
        ids[row, : len(one.ids)] = torch.tensor(one.ids)
        mask[row, : len(one.ids)] = 1
        text[row, : len(one.ids)] = torch.tensor([side == 1 for side in one.sequence_ids])
    return ids, mask, text


def listed(group: dict, pool: Sequence[tuple[str, int]], rng: random.Random) -> list[Pair]:
    """A group as pairs for one step: what answers, the same with the answer cut out, its neighbours, search hits.

    Now and then the year that a question names is another, or what answers is left out: nothing here answers then.
    """
    question = group["question"]
    right, wrong = ([one for one in group["own"] if (one[1] >= 0) is held] for held in (True, False))
    rng.shuffle(wrong)
    hard = [pool[at][0] for at in group["mined"][:6]]
    rng.shuffle(hard)
    if not right:
        return [(question, text, -1, -1) for text in [one[0] for one in wrong[:3]] + hard[:1]]
    text, start, end, lead = rng.choice(right)
    year = _YEAR.search(question)
    if year and year.group() in text and rng.random() < OTHER_YEAR:
        other = str(int(year.group()) + rng.choice((-3, -2, -1, 1, 2, 3)))
        if other not in text:
            question = question.replace(year.group(), other)
            return [(question, one, -1, -1) for one in [text] + [one[0] for one in wrong[:1]]]
    cut = without(text, lead, start, end) if rng.random() < CUT else None
    others = ([cut] if cut else []) + [one[0] for one in wrong[:1]]
    wanted = 4 if group["source"] == "written" else 3
    if rng.random() < DROPPED:
        return [(question, one, -1, -1) for one in others + hard[: max(1, wanted - len(others))]]
    others += hard[: max(1, wanted - 1 - len(others))]
    return [(question, text, start, end)] + [(question, one, -1, -1) for one in others]


def group_loss(net: ReaderNet, tokenizer: Tokenizer, groups: Sequence[Sequence[Pair]]) -> tuple[torch.Tensor, float]:
    """The mean loss of groups, and the share whose right passage, or none, is first."""
    pairs = [pair for group in groups for pair in group]
    logits, spans = logits_of(net, tokenizer, pairs)
    label = torch.tensor([float(pair[2] >= 0) for pair in pairs])
    binary = functional.binary_cross_entropy_with_logits(logits, label, pos_weight=torch.tensor(POSITIVE))
    listwise, right, at = torch.zeros(()), 0, 0
    for group in groups:
        part = torch.cat([logits.new_zeros(1), logits[at : at + len(group)]])
        want = next((place for place, pair in enumerate(group, 1) if pair[2] >= 0), 0)
        listwise = listwise + functional.cross_entropy(part[None], torch.tensor([want]))
        right += int(part.argmax() == want)
        at += len(group)
    return binary + listwise / len(groups) + SPAN * spans.mean(), right / len(groups)


def train(groups: Sequence[dict], pool: Sequence[tuple[str, int]], base: Path, out: Path, recipe: Recipe) -> None:
    """Train for a while, saving `state.pt` now and then and `reader.safetensors` at the end.

    A mix is all written questions and a third of the others; each mix is in an order of its own.
    """
    from tqdm import tqdm

    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    kept = [group for group in groups if not held_out(group["group"])]
    own, others = ([g for g in kept if (g["source"] == "written") is written] for written in (True, False))
    net, tokenizer = ReaderNet(base), tokenizer_of(base)
    live = [one for one in net.parameters() if one.requires_grad]
    heads = {id(one) for head in (net.answer, net.span) for one in head.parameters()}
    master = [one.detach().float().clone().requires_grad_() for one in live]  # bfloat16 swallows small updates
    parts = [[m for one, m in zip(live, master, strict=True) if (id(one) in heads) is head] for head in (False, True)]
    optimizer = torch.optim.AdamW([{"params": part} for part in parts], lr=RATE, weight_decay=0.01, betas=(0.9, 0.98))
    out.mkdir(parents=True, exist_ok=True)
    step = _resume(out / "state.pt", master, optimizer)
    _copy(master, live)
    each, started = (len(own) + len(others) // 3) // GROUPS, time.monotonic()
    saved = started
    bar = tqdm(desc="reader", initial=step, unit="step")
    gone = 0.0
    while gone < 1:
        mix, place = divmod(step, each)
        order = own + others[mix % 3 :: 3]
        random.Random(1000 + mix).shuffle(order)
        rng = random.Random(step)
        chosen = order[place * GROUPS : (place + 1) * GROUPS]
        loss, right = group_loss(net, tokenizer, [listed(group, pool, rng) for group in chosen])
        loss.backward()
        gone = (time.monotonic() - started) / recipe.seconds
        fall = min(1.0, max(0.0, (1 - gone) / recipe.decay)) if recipe.decay else 1.0
        for part, scale in zip(optimizer.param_groups, (1.0, HEADS_RATE), strict=True):
            part["lr"] = RATE * scale * min(1.0, (step + 1) / WARMUP) * fall
        _step(live, master, optimizer)
        step += 1
        bar.update()
        bar.set_postfix(loss=f"{loss.item():.2f}", right=f"{right:.2f}")
        if time.monotonic() - saved > SAVE_SECONDS or gone >= 1:
            _save(out / "state.pt", step, master, optimizer)
            saved = time.monotonic()
    save_file(net.trained(), out / "reader.safetensors")


def _step(live: Sequence[torch.Tensor], master: Sequence[torch.Tensor], optimizer: torch.optim.Optimizer) -> None:
    for one, copy in zip(live, master, strict=True):
        copy.grad = None if one.grad is None else one.grad.float()
        one.grad = None
    torch.nn.utils.clip_grad_norm_(master, 1.0)
    optimizer.step()
    _copy(master, live)


def _copy(source: Sequence[torch.Tensor], target: Sequence[torch.Tensor]) -> None:
    with torch.no_grad():
        for one, other in zip(source, target, strict=True):
            other.copy_(one)


def _resume(file: Path, master: Sequence[torch.Tensor], optimizer: torch.optim.Optimizer) -> int:
    """Load a state where there is one; the step it stopped at."""
    if not file.exists():
        return 0
    state = torch.load(file, weights_only=True)
    _copy(state["master"], master)
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _save(file: Path, step: int, master: Sequence[torch.Tensor], optimizer: torch.optim.Optimizer) -> None:
    scratch = file.with_suffix(".tmp")
    state = {"step": step, "master": [one.detach() for one in master], "optimizer": optimizer.state_dict()}
    torch.save(state, scratch)
    scratch.replace(file)
