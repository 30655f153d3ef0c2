# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of pretrained models: given by path, or by a name of the Hugging Face hub and then in its local cache."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from visual_byte_core.errors import ModelError
from visual_byte_core.files import expanded, sha256_of_file

# What describes a model and its weights; other formats of weights run code when they are read.
CONTENT = ("*.json", "*.txt", "*.model", "*.safetensors")


@lru_cache(maxsize=8)
def model_folder(name: str, setting: str) -> Path:
    """The folder of a model: `name` itself, or where the hub's model of that name lies, downloaded if need be.

    Args:
        setting: what named it, for the message.

    Raises:
        ModelError: it is not available; nothing takes its place.
    """
    folder = expanded(name)
    if not folder.is_dir():
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or folder.parent.is_dir():
            raise ModelError(
                f"{setting}: no folder {name}; expected a model's folder or a hub name such as owner/model"
            )
        folder = _from_hub(name, setting)
    if not any(folder.rglob("*.safetensors")):
        raise ModelError(f"{setting}: {folder} holds no weights (*.safetensors); download the model again")
    return folder


@lru_cache(maxsize=8)
def content_digest(folder: Path) -> str:
    """12 hex characters that change with any file of a model's folder that decides what the model does."""
    files = sorted({path for pattern in CONTENT for path in folder.rglob(pattern) if path.is_file()})
    content = [f"{path.relative_to(folder).as_posix()} {sha256_of_file(path)}" for path in files]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:12]


def _from_hub(name: str, setting: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError as error:
        raise ModelError(f"{setting}: {name} is no folder here; pip install huggingface_hub to fetch it") from error
    try:
        return Path(snapshot_download(name, allow_patterns=list(CONTENT), local_files_only=True))
    except LocalEntryNotFoundError:
        pass  # not fetched yet
    try:
        return Path(snapshot_download(name, allow_patterns=list(CONTENT)))
    except Exception as error:  # of the hub's client and of its HTTP library, which share no base class
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{setting}: {name} is not in this machine's cache of the Hugging Face hub and cannot be fetched"
            f" ({reason}); download it where there is a network (hf download {name}), or name the folder of a copy"
        ) from error
