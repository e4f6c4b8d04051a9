"""Train a cross-encoder (LoRA and a linear head over the mean of the token states) on mined lists.

Measured against late interaction over the retriever's own token vectors; see benchmarks/results/adapters.md.
Listwise softmax over one positive and several hard negatives: Cao et al. 2007 (ListNet).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.training.lora import Stepper, load, save
from benchmarks.training.mining import Mined, best_window
from rag.text.tokenizing import simplify

HEAD = "head.safetensors"
TOKENS = 112  # of a pair: a question and a window of one or two clauses


@dataclass(frozen=True, slots=True)
class Recipe:
    """Numbers of one run. lists: questions in a step. negatives: windows beside the positive one."""

    seed: int = 20
    lists: int = 16
    negatives: int = 5
    rank: int = 16
    alpha: int = 32
    rate: float = 3e-4
    warmup: float = 0.06
    threads: int = 2
    seconds: float = 1200.0


class CrossEncoder:
    """(question, text) pairs to logits."""

    def __init__(self, model, tokenizer, head, device) -> None:
        """model: a transformer, adapted or not. head: linear, hidden → 1."""
        self.model, self.tokenizer, self.head, self.device = model, tokenizer, head, device

    def logits(self, questions: Sequence[str], texts: Sequence[str]):
        """(pairs,) with gradients, in one padded batch."""
        inputs = self.tokenizer(
            [f"query: {simplify(question)}" for question in questions], [simplify(text) for text in texts],
            padding=True, truncation="only_second", max_length=TOKENS, return_tensors="pt",
        )  # fmt: skip
        mask = inputs["attention_mask"].to(self.device)
        states = self.model(input_ids=inputs["input_ids"].to(self.device), attention_mask=mask).last_hidden_state
        mean = (states.float() * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.head(mean).squeeze(-1)

    def score(self, question: str, texts: Sequence[str]) -> np.ndarray:
        """(texts,) logits."""
        import torch

        with torch.inference_mode():
            return self.logits([question] * len(texts), texts).cpu().numpy()


def train(mined: Mined, base: Path, target: Path, recipe: Recipe) -> CrossEncoder:
    """Train on every example in random order until the time is up; save adapter and head into `target`.

    base: the folder to start from; the retriever's merged one starts better than the bare base.
    """
    import torch
    from safetensors.torch import save_file
    from tqdm import tqdm

    rng = random.Random(recipe.seed)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    model, tokenizer, device = load(base, recipe.rank, recipe.alpha)
    head = torch.nn.Linear(model.config.hidden_size, 1).to(device)
    encoder = CrossEncoder(model, tokenizer, head, device)
    both = torch.nn.ModuleList([model, head])
    # Windows alone: they are what is reranked.
    order = [
        i for i, found in enumerate(mined.negatives)
        if len(found) >= recipe.negatives and mined.examples[i].form == "window"
    ]  # fmt: skip
    rng.shuffle(order)
    steps = len(order) // recipe.lists
    chosen = [order[at * recipe.lists : (at + 1) * recipe.lists] for at in range(steps)]
    stepper = Stepper(both, recipe.rate, steps, recipe.warmup, recipe.seconds)
    bar = tqdm(chosen, desc="cross-encoder")
    for number, batch in enumerate(bar):
        questions: list[str] = []
        texts: list[str] = []
        for index in batch:
            example = mined.examples[index]
            rivals = rng.sample(mined.negatives[index], recipe.negatives)
            listed = [best_window(example.query, mined.pool[i], example.answers) for i in rivals]
            if example.answers:
                own = mined.pool[example.passage].windows
                beside = [w for w in own if not any(a in w for a in example.answers) and 8 <= len(w) <= 160]
                listed[-1] = rng.choice(beside) if beside else listed[-1]
            texts += [example.positive, *listed]
            questions += [example.query] * (len(listed) + 1)
        logits = encoder.logits(questions, texts).view(len(batch), -1)
        loss = torch.nn.functional.cross_entropy(logits, torch.zeros(len(batch), dtype=torch.long, device=device))
        loss.backward()
        bar.set_postfix(loss=f"{loss.item():.3f}", right=f"{(logits.argmax(1) == 0).float().mean().item():.2f}")
        if not stepper.step():
            break
        if number % 100 == 99:
            save(model, target)
            save_file(head.state_dict(), target / HEAD)
    save(model, target)
    save_file(head.state_dict(), target / HEAD)
    return encoder
