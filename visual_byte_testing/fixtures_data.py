# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A small real data set: shop photos of four groceries, and their names spoken by espeak-ng."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from visual_byte_core.dataset.collect_config import CollectConfig, load_collect_config
from visual_byte_core.dataset.collection import collect
from visual_byte_testing.paths import ROOT


@pytest.fixture(scope="session")
def collect_config(tmp_path_factory: pytest.TempPathFactory) -> CollectConfig:
    """What `dataset` was collected by."""
    folder = tmp_path_factory.mktemp("dataset")
    (folder / "names.csv").write_text("en,ko\nbanana,바나나\nlemon,레몬\nkiwi,키위\nlime,라임\n", encoding="utf-8")
    (folder / "noise").mkdir()
    values = {
        "out": str(folder / "data"),
        "names": str(folder / "names.csv"),
        "photos": [{"path": str(ROOT / "examples" / "photos"), "train": 2, "calibrate": 1, "evaluate": 1}],
        "voices": {"en": 3, "ko": 1},
        "clips": str(folder / "clips"),
        "pseudo_words": 4,
        "voices_a_pseudo_word": 1,
    }
    (folder / "collect.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return load_collect_config(folder / "collect.yaml")


@pytest.fixture(scope="session")
def dataset(collect_config: CollectConfig) -> Path:
    """Root of a data set with all its splits."""
    collect(collect_config)
    return Path(collect_config.out)
