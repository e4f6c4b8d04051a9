"""Merge a LoRA adapter into the base model's weights, so that the query path needs neither peft nor extra products.

LoRA (Hu et al. 2021, arXiv:2106.09685) learns W' = W + (alpha / r) · B · A for a linear layer W of (out, in), with
A of (r, in) and B of (out, r). The adapter folder is peft's: `adapter_config.json`, `adapter_model.safetensors`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


def merge_adapter(base_folder: Path, adapter_folder: Path, target_folder: Path) -> None:
    """Write `target_folder`: the sentence-transformers folder of the base with the adapter's weights added.

    An existing target is replaced; the new one appears whole or not at all. Raises ModelError when the adapter is
    missing, damaged or made for another model.
    """
    from safetensors.numpy import load_file, save_file

    weights = load_file(base_folder / "model.safetensors")
    merged = dict(weights) | merged_weights(weights, adapter_folder)
    target_folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target_folder.parent, prefix=".merging-") as scratch:
        fresh = Path(scratch) / "model"
        shutil.copytree(base_folder, fresh, ignore=shutil.ignore_patterns("model.safetensors"))
        save_file(merged, fresh / "model.safetensors", metadata={"format": "pt"})
        if target_folder.exists():
            shutil.rmtree(target_folder)
        fresh.replace(target_folder)


def merged_weights(weights: Mapping[str, np.ndarray], adapter_folder: Path) -> dict[str, np.ndarray]:
    """The changed tensors alone, float32, by their names in the base model.

    weights: the base's tensors. Raises ModelError when the adapter does not fit them.
    """
    import numpy as np

    scale, tensors = load_adapter(adapter_folder)
    merged = {}
    for name, down in tensors.items():
        if not name.endswith(_A):
            continue
        key = name.removeprefix(_PREFIX).removesuffix(_A)
        up = tensors.get(f"{_PREFIX}{key}{_B}")
        weight = weights.get(f"{key}.weight")
        if up is None or weight is None or weight.shape != (up.shape[0], down.shape[1]):
            raise ModelError(f"适配器与底座模型不符：{adapter_folder.name} / {key}。请重新安装模型。")
        merged[f"{key}.weight"] = weight + scale * (up.astype(np.float32) @ down.astype(np.float32))
    if not merged:
        raise ModelError(f"适配器里没有可用的权重：{adapter_folder.name}。")
    return merged


def load_adapter(adapter_folder: Path) -> tuple[float, dict[str, np.ndarray]]:
    """(alpha / r, tensors by peft's names) of an adapter folder. Raises ModelError when it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        config = json.loads((adapter_folder / CONFIG).read_text(encoding="utf-8"))
        tensors = load_file(adapter_folder / WEIGHTS)
        return float(config["lora_alpha"]) / float(config["r"]), tensors
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ModelError(f"无法读取适配器 {adapter_folder.name}：{error}") from error


def adapter_revision(adapter_folder: Path) -> str:
    """A short fingerprint of the adapter for the index's manifest: 12 hexadecimal digits over both files."""
    digest = hashlib.sha256()
    try:
        for name in (CONFIG, WEIGHTS):
            digest.update((adapter_folder / name).read_bytes())
    except OSError as error:
        raise ModelError(f"无法读取适配器 {adapter_folder.name}：{error}") from error
    return digest.hexdigest()[:12]
