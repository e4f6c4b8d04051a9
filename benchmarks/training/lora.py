"""What both trainings share: the base with peft's LoRA in bfloat16, mean pooling, and the optimiser step."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from peft import PeftModel

QUERY_PREFIX, TEXT_PREFIX = 4, 3  # tokens of <s> "query:" and of <s> "passage:"
LAYERS = ["query", "key", "value", "dense"]  # every linear layer of the encoder


def load(base: Path, rank: int, alpha: int) -> tuple[PeftModel, object, torch.device]:
    """(model with fresh LoRA, tokenizer, device). bfloat16 throughout, eager attention (faster than sdpa to train on
    a CPU: 5.2 against 2.0 thousand tokens/s), no dropout; a GPU when present."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModel, AutoTokenizer

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = AutoModel.from_pretrained(
        str(base), dtype=torch.bfloat16, attn_implementation="eager", add_pooling_layer=False
    )
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=LAYERS, lora_dropout=0.0, bias="none")
    model = get_peft_model(model, config, autocast_adapter_dtype=False).to(device)
    model.eval()
    return model, AutoTokenizer.from_pretrained(str(base)), device


def save(model: PeftModel, target: Path, strength: float = 1.0) -> None:
    """Write the adapter in peft's layout, float16, with only the settings that loading needs.

    strength: the learnt change is multiplied by it (through lora_alpha): between 0, the base, and 1, as trained.
    """
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    config = model.peft_config["default"]
    kept = {
        "peft_type": "LORA", "r": config.r, "lora_alpha": config.lora_alpha * strength, "lora_dropout": 0.0,
        "bias": "none", "fan_in_fan_out": False, "target_modules": LAYERS, "inference_mode": True, "task_type": None,
        "base_model_name_or_path": "multilingual-e5-small",
    }  # fmt: skip
    target.mkdir(parents=True, exist_ok=True)
    tensors = {key: tensor.to(torch.float16).contiguous() for key, tensor in get_peft_model_state_dict(model).items()}
    save_file(tensors, target / "adapter_model.safetensors", metadata={"format": "pt"})
    (target / "adapter_config.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def token_states(
    model: PeftModel, tokenizer, texts: Sequence[str], tokens: int, device: torch.device, chunk: int = 32
) -> tuple[torch.Tensor, torch.Tensor]:
    """Last hidden states (texts, longest, hidden) float32 with gradients, and their mask. Encoded in chunks of like
    length, for padding is wasted work."""
    import torch

    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    states, masks = [], []
    for at in range(0, len(order), chunk):
        inputs = tokenizer(
            [texts[i] for i in order[at : at + chunk]], padding=True, truncation=True, max_length=tokens,
            return_tensors="pt",
        )  # fmt: skip
        mask = inputs["attention_mask"].to(device)
        states.append(model(input_ids=inputs["input_ids"].to(device), attention_mask=mask).last_hidden_state.float())
        masks.append(mask)
    longest = max(mask.shape[1] for mask in masks)
    pad = torch.nn.functional.pad
    back = torch.tensor(sorted(range(len(order)), key=order.__getitem__), device=device)
    all_states = torch.cat([pad(s, (0, 0, 0, longest - s.shape[1])) for s in states])
    all_masks = torch.cat([pad(m, (0, longest - m.shape[1])) for m in masks])
    return all_states[back], all_masks[back]


def mean_vectors(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Unit mean-pooled vectors, (texts, hidden)."""
    import torch

    mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    return torch.nn.functional.normalize(mean, dim=-1)


def late_scores(
    queries: torch.Tensor, query_mask: torch.Tensor, texts: torch.Tensor, text_mask: torch.Tensor
) -> torch.Tensor:
    """Late interaction (ColBERT, Khattab & Zaharia 2020, arXiv:2004.12832): the mean over the query's tokens of the
    best cosine among the text's tokens, (queries, texts). The prompts' own tokens take no part.
    """
    import torch

    q = torch.nn.functional.normalize(queries[:, QUERY_PREFIX:], dim=-1).bfloat16()
    t = torch.nn.functional.normalize(texts[:, TEXT_PREFIX:], dim=-1).bfloat16()
    # One matrix product for all pairs: (queries · tokens, hidden) × (hidden, texts · tokens).
    pairs = (q.flatten(0, 1) @ t.flatten(0, 1).T).view(q.shape[0], q.shape[1], t.shape[0], t.shape[1])
    pairs = pairs.masked_fill(text_mask[None, None, :, TEXT_PREFIX:] == 0, -1.0)
    best = pairs.amax(dim=3).float()
    weight = query_mask[:, QUERY_PREFIX:].float()
    return (best * weight[..., None]).sum(1) / weight.sum(1, keepdim=True)


class Stepper:
    """AdamW over float32 copies of the bfloat16 adapter weights (a bfloat16 weight swallows small updates), with
    linear warm-up and cosine decay over the steps or, when a time limit is given, over the time."""

    def __init__(self, model: torch.nn.Module, rate: float, steps: int, warmup: float, seconds: float) -> None:
        import torch

        self._live = [p for p in model.parameters() if p.requires_grad]
        self._master = [p.detach().float().clone().requires_grad_() for p in self._live]
        self._optimizer = torch.optim.AdamW(self._master, lr=rate, weight_decay=0.01)
        self._rate, self._steps, self._warmup, self._seconds = rate, steps, warmup, seconds
        self._done, self._start = 0, time.monotonic()

    def step(self) -> bool:
        """Apply the gradients; False when the time is up."""
        import torch

        for live, master in zip(self._live, self._master, strict=True):
            master.grad = None if live.grad is None else live.grad.float()
            live.grad = None
        torch.nn.utils.clip_grad_norm_(self._master, 1.0)
        self._done += 1
        progress = self._done / self._steps
        if self._seconds:
            progress = max(progress, (time.monotonic() - self._start) / self._seconds)
        rise = min(1.0, progress / self._warmup) if self._warmup else 1.0
        rate = self._rate * rise * (0.5 + 0.5 * math.cos(math.pi * min(progress, 1.0)))
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        with torch.no_grad():
            for live, master in zip(self._live, self._master, strict=True):
                live.copy_(master)
        return progress < 1.0
