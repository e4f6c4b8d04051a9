"""Train the retriever adapter: LoRA on every linear layer, InfoNCE over in-batch and mined negatives.

LoRA: Hu et al. 2021 (arXiv:2106.09685). InfoNCE with in-batch negatives: van den Oord et al. 2018 (arXiv:1807.03748).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.training.lora import Stepper, late_scores, load, mean_vectors, save, token_states
from benchmarks.training.mining import Mined, best_window
from rag.text.tokenizing import simplify

PER_GROUP = 4  # examples of one document in a batch: its sentences are each other's hard negatives


@dataclass(frozen=True, slots=True)
class Recipe:
    """Numbers of one run. temperature: of the softmax over cosines. late: weight of the
    late-interaction loss over the same token states (0: none). seconds: stop after so long (0: never).
    strength: what is saved of the learnt change, see `lora.save`."""

    seed: int = 20
    examples: int = 30_000
    batch: int = 64
    rank: int = 16
    alpha: int = 32
    rate: float = 3e-4
    warmup: float = 0.1
    temperature: float = 0.02
    tokens: int = 128
    threads: int = 2
    late: float = 0.5
    seconds: float = 0.0
    strength: float = 1.0


def train(mined: Mined, base: Path, target: Path, recipe: Recipe) -> None:
    """Train and save the adapter (peft layout) into `target`, also every 50 steps."""
    import torch
    from tqdm import tqdm

    rng = random.Random(recipe.seed)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    model, tokenizer, device = load(base, recipe.rank, recipe.alpha)
    batches = _batches(mined, recipe, rng)
    stepper = Stepper(model, recipe.rate, len(batches), recipe.warmup, recipe.seconds)
    bar = tqdm(batches, desc="retriever")
    for number, batch in enumerate(bar):
        queries = [f"query: {simplify(mined.examples[i].query)}" for i in batch]
        texts = [mined.examples[i].positive for i in batch] + [_negative(mined, i, rng) for i in batch]
        texts = [f"passage: {simplify(text)}" for text in texts]
        asked, asked_mask = token_states(model, tokenizer, queries, 64, device)
        told, told_mask = token_states(model, tokenizer, texts, recipe.tokens, device)
        wrong = torch.from_numpy(_masked(mined, batch)).to(device)
        target_row = torch.arange(len(batch), device=device)
        dense = mean_vectors(asked, asked_mask) @ mean_vectors(told, told_mask).T / recipe.temperature
        dense = dense.masked_fill(wrong, float("-inf"))
        loss = torch.nn.functional.cross_entropy(dense, target_row)
        right = {"dense": f"{(dense.argmax(1) == target_row).float().mean().item():.2f}"}
        if recipe.late:
            late = late_scores(asked, asked_mask, told, told_mask) / recipe.temperature
            late = late.masked_fill(wrong, float("-inf"))
            loss = loss + recipe.late * torch.nn.functional.cross_entropy(late, target_row)
            right["late"] = f"{(late.argmax(1) == target_row).float().mean().item():.2f}"
        loss.backward()
        bar.set_postfix(loss=f"{loss.item():.3f}", **right)
        if not stepper.step():
            break
        if number % 50 == 49:
            save(model, target, recipe.strength)
    save(model, target, recipe.strength)


def _batches(mined: Mined, recipe: Recipe, rng: random.Random) -> list[list[int]]:
    """Batches of one source and one form each, in random order; no question twice in one batch by chance only."""
    order = list(range(len(mined.examples)))
    rng.shuffle(order)
    kinds: dict[tuple[str, str], list[int]] = {}
    for index in order[: recipe.examples]:
        example = mined.examples[index]
        kinds.setdefault((example.source, example.form), []).append(index)
    batches = []
    for _, members in sorted(kinds.items()):
        members = _grouped(mined, members, rng)
        batches += [members[at : at + recipe.batch] for at in range(0, len(members) - recipe.batch + 1, recipe.batch)]
    rng.shuffle(batches)
    return batches


def _grouped(mined: Mined, members: Sequence[int], rng: random.Random) -> list[int]:
    """Members in runs of up to PER_GROUP of one document."""
    groups: dict[str, list[int]] = {}
    for index in members:
        groups.setdefault(mined.examples[index].group, []).append(index)
    runs = [group[at : at + PER_GROUP] for group in groups.values() for at in range(0, len(group), PER_GROUP)]
    rng.shuffle(runs)
    return [index for run in runs for index in run]


def _negative(mined: Mined, index: int, rng: random.Random) -> str:
    """One hard negative in the positive's form; for questions with known answers also a sentence from next door."""
    example = mined.examples[index]
    own = mined.pool[example.passage]
    if example.form == "window" and example.answers and rng.random() < 0.3:
        beside = [w for w in own.windows if not any(a in w for a in example.answers) and 8 <= len(w) <= 160]
        if beside:
            return rng.choice(beside)
    found = mined.negatives[index]
    passage = mined.pool[rng.choice(found)] if found else mined.pool[rng.randrange(len(mined.pool))]
    if example.form == "window":
        return best_window(example.query, passage, example.answers)
    return passage.context if example.positive != own.text else passage.text


def _masked(mined: Mined, batch: Sequence[int]) -> np.ndarray:
    """True where an in-batch text may well answer: same passage, holds an answer, or preferred by the base model."""
    size = len(batch)
    examples = [mined.examples[i] for i in batch]
    rows = np.asarray(batch)
    places = np.asarray([e.passage for e in examples])
    guide = mined.queries[rows].astype(np.float32) @ mined.passages[places].T.astype(np.float32)
    mask = guide > np.diag(guide)[:, None]
    for row, example in enumerate(examples):
        for column, other in enumerate(examples):
            if example.passage == other.passage:
                # Another sentence of the passage is a fair negative only where the answer is known not to lie in it.
                known = example.answers and example.form == "window"
                mask[row, column] = not known or any(answer in other.positive for answer in example.answers)
            elif example.group == other.group and any(answer in other.positive for answer in example.answers):
                mask[row, column] = True
    np.fill_diagonal(mask, False)
    return np.concatenate([mask, np.zeros((size, size), bool)], axis=1)
