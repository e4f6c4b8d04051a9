"""What a stage of the search tells about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: its name, in Chinese and English, the setting that governs it, and the scores that it gives a hit.

    setting: a name of `Settings`; empty where nothing can be set. scores: what a score is called in `Hit.stages` and in
    the JSON → what it is called for people. told: one sentence for the documentation.
    """

    name: str
    told: str
    setting: str = ""
    scores: Mapping[str, str] = field(default_factory=dict)
