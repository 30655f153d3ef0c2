# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`state.pt`: all that a stopped training needs to go on; tensors and plain values, nothing that loading executes."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from visual_byte_core.errors import DataError
from visual_byte_core.files import write_atomically

STATE = "state.pt"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Replace the folder's state, on disk when it returns. Raises OSError; then the old state is untouched."""
    content = io.BytesIO()  # torch's own writer turns a full disk into an error of another kind
    torch.save(state, content)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / STATE, content.getvalue())


def load_state(folder: Path, device: torch.device) -> dict[str, Any]:
    """The state that `save_state` wrote.

    Raises:
        DataError: there is none or it is damaged.
    """
    path = folder / STATE
    if not path.is_file():
        raise DataError(f"{folder}: nothing to resume, {STATE} is missing; start without --resume")
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(f"{path}: is damaged; start again in another out with model.start={folder}/last") from error
    return state


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Of torch's generators: `random` on the CPU and, where the network is on a GPU, `random_gpu`."""
    state = {"random": torch.get_rng_state()}
    if device.type == "cuda":
        state["random_gpu"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Any], device: torch.device) -> None:
    """The inverse of `random_state`; what else `state` holds is left alone."""
    torch.set_rng_state(state["random"].cpu())
    if device.type == "cuda" and "random_gpu" in state:  # a run that began on a CPU has none
        torch.cuda.set_rng_state(state["random_gpu"].cpu(), device)
