"""The page for administrators names commands, options, settings, metrics, files and addresses that exist."""

from __future__ import annotations

import re

import typer.main
from prometheus_client import generate_latest

from docs.deploy import bundle
from rag.cli import app
from rag.config import ROOT, Settings
from rag.web.front.metrics import new_metrics
from tests.web.test_roles import WHO

GUIDE = (ROOT / "docs" / "部署.md").read_text(encoding="utf-8")


def test_commands_and_options():
    known = typer.main.get_command(app).commands
    used = re.findall(r"(?:/opt/yuanwen/yuanwen|`yuanwen) ([a-z]+)([^\n`]*)", GUIDE)
    assert {name for name, _ in used} >= {"index", "backup", "restore", "audit"}
    for name, rest in used:
        options = {option for parameter in known[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, (name, rest)


def test_settings():
    named = {name.lower() for name in re.findall(r"YUANWEN_(\w+)", GUIDE)} - {"config"}
    assert len(named) > 4 and named <= set(Settings.model_fields)


def test_metrics():
    text = generate_latest(new_metrics().registry).decode()
    named = set(re.findall(r"`(yuanwen_\w+)`", GUIDE))
    told = {found for found in re.findall(r"# HELP (\w+)", text)}
    assert named == told


def test_addresses():
    for path in re.findall(r"(?:7860|`)(/(?:healthz|readyz|metrics))", GUIDE):
        assert ("GET", path) in WHO


def test_the_bundle_is_named_as_it_is_made():
    assert f"dist/{bundle.name()}.tar.gz" in GUIDE
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{target}:" in makefile for target in re.findall(r"^make (\w+)", GUIDE, re.MULTILINE))


def test_what_is_said_of_the_installation_is_what_the_script_does():
    script = (ROOT / "docs" / "deploy" / "install.sh").read_text(encoding="utf-8")
    for part in ("data/yuanwen.toml", "releases", "current"):
        assert part in GUIDE and f"$home/{part}" in script
    assert "YUANWEN_CONFIG" in script
