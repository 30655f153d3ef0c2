# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`visual-byte precompute`: rendered speech and text as PNG files, keyed by everything that decides how they look.

A cache lies in `audio_img_train_2/` (`_eval_` for the voices of evaluation; 2 is the log-mel method) or
`text_img_<renderer>/`, with the renderer's digest in `renderer.yaml`. A cache of other settings is never read:
it is refused, or replaced with `overwrite`.
"""

from __future__ import annotations

import logging
import multiprocessing
import shutil
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import yaml
from tqdm import tqdm

from visual_byte_core.errors import DataError, InvalidSound
from visual_byte_core.files import write_atomically
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.settings import RendererSettings
from visual_byte_core.rendering.speech import SOUND_SUFFIXES, read_sound, render_speech
from visual_byte_core.rendering.text import render_text

KEY = "renderer.yaml"
CACHES = {"audio": "audio_img_train_2", "audio_eval_tts": "audio_img_eval_2"}

log = logging.getLogger("visual_byte")


def precompute(root: Path, names: list[ClassName], renderer: RendererSettings, *, overwrite: bool = False) -> int:
    """Render the speech and the names of a data set into its caches; what is there already stays.

    Returns:
        How many images were written. Sounds that hold no name are named in a warning and left out.

    Raises:
        DataError: a cache of other settings is in the way and `overwrite` is off.
    """
    written = _texts(root / f"text_img_{renderer.text.renderer}", names, renderer, overwrite)
    for sounds, cache in CACHES.items():
        if (root / sounds).is_dir():
            written += _sounds(root / sounds, root / cache, renderer, overwrite)
    return written


def cached_speech(path: Path, root: Path, renderer: RendererSettings) -> np.ndarray:
    """The image of a sound below `root/<part>/`: from the cache if it has it in these settings, else rendered now.

    Returns uint8 (size, size, 3); both ways give the same bytes. Raises InvalidSound as `render_speech`.
    """
    part = path.relative_to(root).parts[0]
    if part in CACHES:
        image = _target(path, root / part, root / CACHES[part])
        if image.is_file() and _digest(root / CACHES[part]) == renderer.digest():
            return cv2.imread(str(image), cv2.IMREAD_COLOR)[:, :, ::-1]
    return render_speech(*read_sound(path), renderer.size, renderer.speech)


def sounds_below(folder: Path) -> list[Path]:
    """All sound files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND_SUFFIXES)


def _texts(cache: Path, names: list[ClassName], renderer: RendererSettings, overwrite: bool) -> int:
    _claim(cache, renderer, overwrite)
    missing = [name for name in names if not (cache / name.slug / "text.png").exists()]
    for name in missing:
        _write(cache / name.slug / "text.png", render_text(name.en, renderer.size, renderer.text))
    return len(missing)


def _sounds(sounds: Path, cache: Path, renderer: RendererSettings, overwrite: bool) -> int:
    _claim(cache, renderer, overwrite)
    missing = [path for path in sounds_below(sounds) if not _target(path, sounds, cache).exists()]
    render = partial(_render_one, sounds=sounds, cache=cache, renderer=renderer)
    with multiprocessing.get_context("forkserver").Pool() as pool:
        done = pool.imap_unordered(render, missing, chunksize=32)
        reasons = list(tqdm(done, total=len(missing), desc=cache.name, unit="clip", disable=len(missing) < 100))
    for reason in filter(None, reasons):
        log.warning("left out: %s", reason)
    return reasons.count("")


def _render_one(path: Path, sounds: Path, cache: Path, renderer: RendererSettings) -> str:
    """Write one image; the reason if the sound holds no name."""
    try:
        image = render_speech(*read_sound(path), renderer.size, renderer.speech)
    except InvalidSound as error:
        return f"{path}: {error}"
    _write(_target(path, sounds, cache), image)
    return ""


def _target(path: Path, sounds: Path, cache: Path) -> Path:
    return (cache / path.relative_to(sounds)).with_suffix(".png")


def _claim(cache: Path, renderer: RendererSettings, overwrite: bool) -> None:
    if cache.is_dir() and (overwrite or not (cache / KEY).exists()):
        shutil.rmtree(cache)
    if cache.is_dir() and _digest(cache) != renderer.digest():
        raise DataError(f"{cache}: holds images of other renderer settings; run precompute with --overwrite")
    if not cache.is_dir():
        cache.mkdir(parents=True)
        key = {"digest": renderer.digest(), "renderer": renderer.to_dict()}
        write_atomically(cache / KEY, yaml.safe_dump(key).encode())


def _digest(cache: Path) -> str:
    try:
        return str(yaml.safe_load((cache / KEY).read_text(encoding="utf-8"))["digest"])
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        return ""


def _write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, cv2.imencode(".png", image[:, :, ::-1])[1].tobytes())
