# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint is a folder: model.safetensors, config.yaml, names.csv, metrics.json; nothing in it is ever executed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from visual_byte_core.errors import DataError
from visual_byte_core.files import write_atomically
from visual_byte_core.names import ClassName, read_names, write_names
from visual_byte_core.training.config import TrainingConfig, config_from_dict
from visual_byte_core.training.network import VisualByteNet

MODEL, CONFIG, NAMES, METRICS = "model.safetensors", "config.yaml", "names.csv", "metrics.json"


def build_network(config: TrainingConfig, classes: int) -> VisualByteNet:
    """A network as the configuration describes it."""
    model = config.model
    return VisualByteNet(
        model.backbone,
        classes,
        model.dimension,
        model.pretrained,
        model.drop_path,
        model.layer_scale,
        model.projector,
    )


def save_checkpoint(
    folder: Path, network: VisualByteNet, config: TrainingConfig, names: list[ClassName], metrics: dict[str, Any]
) -> None:
    """Write the checkpoint; the model comes last and by renaming, so that a folder with a model is whole.

    Raises OSError; then the model that was there is still there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / NAMES, write_names(names).encode())
    write_atomically(folder / CONFIG, yaml.safe_dump(config.to_dict(), sort_keys=False).encode())
    write_atomically(folder / METRICS, json.dumps(metrics, indent=1).encode())
    write_atomically(folder / MODEL, save({k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}))


def load_checkpoint(folder: str | Path) -> tuple[VisualByteNet, TrainingConfig, list[ClassName]]:
    """The network in evaluation mode, its configuration and its names.

    Raises:
        DataError: the folder holds no whole checkpoint, or weights that do not fit its configuration.
    """
    folder = Path(folder)
    missing = [name for name in (MODEL, CONFIG, NAMES) if not (folder / name).is_file()]
    if missing:
        raise DataError(f"{folder}: no checkpoint, {', '.join(missing)} missing; give a folder that `train` wrote")
    values = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    values["model"]["pretrained"] = False  # the checkpoint's own weights replace them
    config, names = config_from_dict(values), read_names(folder / NAMES)
    network = build_network(config, len(names))
    try:
        network.load_state_dict(load_file(folder / MODEL))
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{folder / MODEL}: does not fit {CONFIG} beside it ({reason})") from error
    return network.eval(), config, names
