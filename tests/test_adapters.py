"""Merging: the weights that come out are W + alpha/r · B · A, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from benchmarks.training.adapters import adapter_revision, merge_adapter
from rag.errors import ModelError

KEY = "encoder.layer.0.attention.self.query"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder shaped like the base model's, with two small tensors."""
    folder = tmp_path / "base"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "modules.json").write_text("[]")
    (folder / "1_Pooling/config.json").write_text("{}")
    generator = np.random.default_rng(1)
    save_file(
        {f"{KEY}.weight": generator.normal(size=(6, 4)).astype("f4"), "embeddings.LayerNorm.bias": np.ones(4, "f4")},
        folder / "model.safetensors",
    )
    return folder


def write_adapter(folder: Path, down: np.ndarray, up: np.ndarray, key: str = KEY) -> Path:
    """An adapter in peft's layout with rank 2, alpha 4."""
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": 2, "lora_alpha": 4}))
    save_file(
        {f"base_model.model.{key}.lora_A.weight": down, f"base_model.model.{key}.lora_B.weight": up},
        folder / "adapter_model.safetensors",
    )
    return folder


def test_merged_weights_are_the_sum(base: Path, tmp_path: Path) -> None:
    down, up = np.arange(8, dtype="f2").reshape(2, 4), np.ones((6, 2), "f2")
    merge_adapter(base, write_adapter(tmp_path / "lora", down, up), tmp_path / "model")
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "model/model.safetensors")
    expected = before[f"{KEY}.weight"] + 2.0 * up.astype("f4") @ down.astype("f4")
    np.testing.assert_allclose(after[f"{KEY}.weight"], expected, rtol=1e-6)
    np.testing.assert_array_equal(after["embeddings.LayerNorm.bias"], before["embeddings.LayerNorm.bias"])
    assert (tmp_path / "model/1_Pooling/config.json").is_file()


def test_target_is_replaced_and_no_scratch_stays(base: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "lora", np.ones((2, 4), "f2"), np.ones((6, 2), "f2"))
    target = tmp_path / "out/model"
    target.mkdir(parents=True)
    (target / "stale").write_text("x")
    merge_adapter(base, adapter, target)
    assert not (target / "stale").exists()
    assert [path.name for path in target.parent.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("down", "up", "key"),
    [
        (np.ones((2, 5), "f2"), np.ones((6, 2), "f2"), KEY),
        (np.ones((2, 4), "f2"), np.ones((1, 2), "f2"), KEY),
        (np.ones((2, 4), "f2"), np.ones((6, 2), "f2"), "encoder.layer.9.output.dense"),
    ],
)
def test_adapter_of_another_model_is_refused(
    base: Path, tmp_path: Path, down: np.ndarray, up: np.ndarray, key: str
) -> None:
    with pytest.raises(ModelError):
        merge_adapter(base, write_adapter(tmp_path / "lora", down, up, key), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_damaged_or_missing_adapter_is_refused(base: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "lora", np.ones((2, 4), "f2"), np.ones((6, 2), "f2"))
    (adapter / "adapter_model.safetensors").write_bytes(b"no tensors here")
    with pytest.raises(ModelError):
        merge_adapter(base, adapter, tmp_path / "model")
    with pytest.raises(ModelError):
        merge_adapter(base, tmp_path / "nowhere", tmp_path / "model")


def test_revision_follows_the_content(tmp_path: Path) -> None:
    one = write_adapter(tmp_path / "one", np.ones((2, 4), "f2"), np.ones((6, 2), "f2"))
    same = write_adapter(tmp_path / "same", np.ones((2, 4), "f2"), np.ones((6, 2), "f2"))
    other = write_adapter(tmp_path / "other", np.ones((2, 4), "f2"), np.zeros((6, 2), "f2"))
    assert adapter_revision(one) == adapter_revision(same) != adapter_revision(other)


@pytest.mark.slow
def test_merging_equals_peft(tmp_path: Path) -> None:
    """The merged model computes what peft computes with the adapter beside the weights."""
    peft = pytest.importorskip("peft")
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=20,
        attention_probs_dropout_prob=0.0, hidden_dropout_prob=0.0,
    )  # fmt: skip
    torch.manual_seed(3)
    plain = BertModel(config, add_pooling_layer=False).eval()
    (tmp_path / "base").mkdir()
    plain.save_pretrained(tmp_path / "base")
    lora = peft.LoraConfig(r=2, lora_alpha=6, target_modules=["query", "key", "value", "dense"])
    adapted = peft.get_peft_model(plain, lora).eval()
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    adapted.save_pretrained(tmp_path / "lora")
    merge_adapter(tmp_path / "base", tmp_path / "lora", tmp_path / "merged")
    merged = BertModel.from_pretrained(tmp_path / "merged", add_pooling_layer=False).eval()
    ids = torch.arange(12).view(2, 6)
    with torch.inference_mode():
        expected, found = adapted(input_ids=ids).last_hidden_state, merged(input_ids=ids).last_hidden_state
    assert torch.allclose(expected, found, atol=1e-5)
