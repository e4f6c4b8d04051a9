"""The list of faults keeps up with the code: each still applies, and names tests that are there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.faults import ROOT, Fault, StaleFault, planted, read_faults
from tests.mutants.run import Outcome, Verdict, judged, summed_up

FAULTS = read_faults()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_applies_and_its_tests_are_there(fault: Fault) -> None:
    text = planted(fault)
    assert text != (ROOT / fault.file).read_text(encoding="utf-8")
    if fault.file.endswith(".py"):
        ast.parse(text)
    assert fault.tests
    for test in fault.tests:
        path, *names = test.partition("[")[0].split("::")
        held = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert set(names) <= {node.name for node in ast.walk(held) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_no_name_is_given_twice() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert len({(fault.file, fault.old, fault.new) for fault in FAULTS}) == len(FAULTS)


def small_tree(folder: Path) -> Path:
    (folder / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    (folder / "test_sums.py").write_text(
        "from sums import add\n\ndef test_two():\n    assert add(1, 2) == 3\n\ndef test_none():\n    assert add(0, 0) == 0\n"
    )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "test", "verdict"),
    [
        ("a + b", "a - b", "test_sums.py::test_two", Verdict.CAUGHT),
        ("a + b", "a - b", "test_sums.py::test_none", Verdict.SURVIVED),
        ("a + c", "a - b", "test_sums.py::test_two", Verdict.WRONG),
        ("a + b", "a - b", "test_sums.py::test_three", Verdict.WRONG),
        ("a + b", "a +", "test_sums.py::test_two", Verdict.WRONG),  # no syntax: nothing ran, so nothing was noticed
    ],
)
@pytest.mark.slow
def test_a_fault_is_caught_survives_or_is_wrong(
    tmp_path: Path, old: str, new: str, test: str, verdict: Verdict
) -> None:
    folder = small_tree(tmp_path)
    found = judged(Fault("f", "a difference", "sums.py", old, new, (test,)), folder)
    assert found.verdict is verdict
    assert "a + b" in (folder / "sums.py").read_text()  # it is out again


def test_a_text_that_stands_twice_is_stale(tmp_path: Path) -> None:
    with pytest.raises(StaleFault, match="2 times"):
        planted(Fault("f", "", "sums.py", "a", "c", ()), _twice(tmp_path))


def _twice(folder: Path) -> Path:
    (folder / "sums.py").write_text("a a")
    return folder


def test_the_exit_code_tells(capsys: pytest.CaptureFixture[str]) -> None:
    fault = Fault("dull", "", "", "", "", ())
    caught, survived, wrong = (Outcome(fault, verdict, "", 1.0) for verdict in Verdict)
    assert [summed_up(found, 60) for found in ([caught], [caught, survived], [survived, wrong])] == [0, 1, 2]
    assert "survived: dull" in capsys.readouterr().out
