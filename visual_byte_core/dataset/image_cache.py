# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered speech and names as PNG files, which are never taken for what they are not.

    audio_img_{train,eval}_{1,2}/<slug>/<language>/<voice>.png   of audio/ and audio_eval_tts/, by speech method
    text_img_<renderer>/<slug>/text.png, text_ko.png             of the names, in English and Korean

`renderer.yaml` in each cache holds the digest of all that decides how its images look: a cache of other settings or of
another model is refused, or replaced on request. An image of a sound has the sound's time of change, and `words.yaml`
holds the words of the texts: an image whose sound or words have changed since is stale, not read and made again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from tqdm import tqdm

from visual_byte_core.dataset.class_folders import sounds_below
from visual_byte_core.dataset.processes import batches, in_processes
from visual_byte_core.dataset.unreadable import LIMIT, too_many_unreadable
from visual_byte_core.errors import DataError, InvalidSound
from visual_byte_core.files import write_atomically
from visual_byte_core.names import LANGUAGES, ClassName, spell
from visual_byte_core.pretrained.renderers import render_speech, render_text
from visual_byte_core.rendering.settings import SPEECH_METHODS, RendererSettings
from visual_byte_core.rendering.speech import prepare, read_sound

KEY, WORDS = "renderer.yaml", "words.yaml"
SPLITS = {"audio": "train", "audio_eval_tts": "eval"}
WORTH_A_POOL = 128  # starting the processes takes as long as rendering about this many clips
WHISPER_BATCH = 16


@dataclass(frozen=True)
class CacheReport:
    """What was done: images written by name of the cache; for each sound that holds no name its path and why."""

    written: dict[str, int]
    left_out: tuple[str, ...]

    @property
    def images(self) -> int:
        """How many images were written."""
        return sum(self.written.values())


@dataclass(frozen=True)
class Job:
    """One image to write: of words, or of a sound file."""

    target: Path
    source: str | Path


def precompute(
    root: Path,
    names: Sequence[ClassName],
    renderer: RendererSettings,
    *,
    texts: Sequence[str] | None = None,
    methods: Sequence[int] | None = None,
    overwrite: bool = False,
    workers: int = 0,
) -> CacheReport:
    """Render the names and the speech of a data set into its caches; what is there and not stale stays.

    texts, methods: the text renderers and speech methods to cache; None for the one of `renderer`. workers: processes,
    0 for one on each CPU this process may use. Progress is kept when it is interrupted.

    Raises:
        DataError: a cache of other settings is in the way and `overwrite` is off, the disk is full, or over 5 % of the
            sounds of a cache hold no name.
        ModelError: the sentence model or Whisper is missing.
    """
    written: dict[str, int] = {}
    left_out: list[str] = []
    for text in [renderer.text.renderer] if texts is None else texts:
        settings = replace(renderer, text=replace(renderer.text, renderer=text))
        written[_text_cache(root, text).name] = _cache_texts(root, names, settings, overwrite, workers)
    for method in [renderer.speech.method] if methods is None else methods:
        settings = _with_method(renderer, method)
        for folder in SPLITS:
            sounds = sounds_below(root / folder)
            if sounds:
                cache = _speech_cache(root, folder, method)
                _claim(cache, _speech_key(settings), overwrite)
                written[cache.name], reasons = _cache_sounds(root, sounds, settings, workers)
                left_out += reasons
                _check_left_out(cache, len(sounds), reasons)
    return CacheReport(written, tuple(left_out))


def cached_speech(sound: Path, root: Path, renderer: RendererSettings) -> np.ndarray:
    """The image of a sound below `root`: from the cache if it has a fresh one in these settings, else rendered now.

    Returns uint8 (size, size, 3); both ways give the same bytes. Raises InvalidSound as `render_speech`.
    """
    target = speech_image(sound, root, renderer.speech.method)
    if target and _is_fresh(target, sound) and _key_of(_cache_of(target, root)) == _speech_key(renderer):
        image = cv2.imread(str(target), cv2.IMREAD_COLOR)
        if image is not None:  # a power cut can leave an empty file
            return image[:, :, ::-1]
    return render_speech(*read_sound(sound), renderer.size_of("audio"), renderer.speech)


def speech_image(sound: Path, root: Path, method: int) -> Path | None:
    """Where the image of a sound belongs, whether it is there or not; None for a folder that has no cache."""
    folder, *rest = sound.relative_to(root).parts
    return _speech_cache(root, folder, method).joinpath(*rest).with_suffix(".png") if folder in SPLITS else None


def cached_images(sound: Path, root: Path) -> list[Path]:
    """The images of a sound that are in the caches of a data set, stale ones too, of all methods."""
    return [image for method in SPEECH_METHODS if (image := speech_image(sound, root, method)) and image.exists()]


def stale_images(sound: Path, root: Path) -> list[Path]:
    """Those of `cached_images` that were made before the sound changed, or whose sound is gone."""
    return [image for image in cached_images(sound, root) if not _is_fresh(image, sound)]


def drop_images(sounds: Iterable[Path], root: Path) -> list[Path]:
    """Delete all cached images of the sounds, stale or not; the paths that were deleted. Raises OSError."""
    images = [image for sound in sounds for image in cached_images(sound, root)]
    for image in images:
        image.unlink()
    return images


def render_images(sounds: Sequence[Path], root: Path, renderer: RendererSettings) -> CacheReport:
    """Make the missing and the stale images of the sounds again, in every speech cache that the data set has.

    A cache whose images were rendered with other settings than `renderer`'s is refused before anything is written.
    Raises DataError and ModelError as `precompute`, but however many sounds hold no name: they are named in the report.
    """
    written: dict[str, int] = {}
    left_out: list[str] = []
    for method in SPEECH_METHODS:
        settings = _with_method(renderer, method)
        for folder in SPLITS:
            cache = _speech_cache(root, folder, method)
            mine = [sound for sound in sounds if sound.relative_to(root).parts[0] == folder]
            if mine and (cache / KEY).exists():
                _claim(cache, _speech_key(settings), overwrite=False)
                written[cache.name], reasons = _cache_sounds(root, mine, settings)
                left_out += reasons
    return CacheReport(written, tuple(left_out))


def _cache_texts(
    root: Path, names: Sequence[ClassName], renderer: RendererSettings, overwrite: bool, workers: int
) -> int:
    cache = _text_cache(root, renderer.text.renderer)
    _claim(cache, _text_key(renderer), overwrite)
    rendered = _read_yaml(cache / WORDS)
    words = {
        f"{name.slug}/{'text' if language == 'en' else f'text_{language}'}.png": spell(name, language)
        for name in names
        for language in LANGUAGES
        if language == "en" or getattr(name, language)
    }
    jobs = [Job(cache / f, w) for f, w in words.items() if rendered.get(f) != w or not (cache / f).is_file()]
    _run(jobs, renderer, workers, cache.name)
    if jobs:
        _write(cache / WORDS, yaml.safe_dump(rendered | words, allow_unicode=True).encode())
    return len(jobs)


def _cache_sounds(
    root: Path, sounds: Sequence[Path], renderer: RendererSettings, workers: int = 0
) -> tuple[int, list[str]]:
    """How many images were written, and why the other sounds have none."""
    method = renderer.speech.method
    jobs = [Job(image, sound) for sound in sounds if (image := speech_image(sound, root, method))]
    _check_distinct(jobs)
    jobs = [job for job in jobs if not _is_fresh(job.target, Path(job.source))]
    if not jobs:
        return 0, []
    cache = _cache_of(jobs[0].target, root)
    reasons = _run_whisper(jobs, renderer, cache.name) if method == 1 else _run(jobs, renderer, workers, cache.name)
    left_out = [reason for reason in reasons if reason]
    return len(jobs) - len(left_out), left_out


def _run(jobs: Sequence[Job], renderer: RendererSettings, workers: int, title: str) -> list[str]:
    """Do the jobs, in parallel if there are many; for each the reason why it has no image, or an empty text."""
    work: Callable[[Job], str] = partial(_do, renderer=renderer)
    if len(jobs) < WORTH_A_POOL or workers == 1:
        return [work(job) for job in tqdm(jobs, desc=title, unit="image", disable=len(jobs) < WORTH_A_POOL)]
    results = in_processes(work, jobs, workers, start=_start_worker)
    return list(tqdm(results, total=len(jobs), desc=title, unit="image", disable=None))


def _start_worker() -> None:
    cv2.setNumThreads(1)  # one process for each core is enough


def _do(job: Job, renderer: RendererSettings) -> str:
    if isinstance(job.source, str):
        _write_image(job, render_text(job.source, renderer.size_of("text"), renderer.text))
        return ""
    try:
        changed = job.source.stat().st_mtime_ns  # before it is read: a later change makes the image stale
        image = render_speech(*read_sound(job.source), renderer.size_of("audio"), renderer.speech)
    except (InvalidSound, OSError) as error:
        return _reason(job.source, error)
    _write_image(job, image, changed)
    return ""


def _run_whisper(jobs: Sequence[Job], renderer: RendererSettings, title: str) -> list[str]:
    """As `_run`, in batches and in this process: the network takes all cores itself, or the GPU."""
    from visual_byte_core.pretrained.whisper_images import whisper_images

    reasons: list[str] = []
    with tqdm(total=len(jobs), desc=title, unit="image", disable=None) as bar:
        for batch in batches(jobs, WHISPER_BATCH):
            heard: list[tuple[Job, np.ndarray, int]] = []
            for job in batch:
                sound = Path(job.source)
                try:
                    changed = sound.stat().st_mtime_ns
                    heard.append((job, prepare(*read_sound(sound), renderer.speech), changed))
                except (InvalidSound, OSError) as error:
                    reasons.append(_reason(sound, error))
            images = whisper_images([samples for _, samples, _ in heard], renderer.size_of("audio"), renderer.speech)
            for (job, _, changed), image in zip(heard, images, strict=True):
                _write_image(job, image, changed)
            bar.update(len(batch))
    return reasons


def _reason(sound: Path, error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if str(sound) in text else f"{sound}: {text}"


def _check_distinct(jobs: Sequence[Job]) -> None:
    sources: dict[Path, str | Path] = {}
    for job in jobs:
        if sources.setdefault(job.target, job.source) != job.source:
            raise DataError(f"{job.source} and {sources[job.target]} would share the image {job.target}; rename one")


def _check_left_out(cache: Path, sounds: int, reasons: Sequence[str]) -> None:
    if too_many_unreadable(len(reasons), sounds):
        raise DataError(
            f"{cache}: {len(reasons)} of {sounds} sounds hold no name, over {LIMIT}; replace or"
            f" delete them and run precompute again; the first: {'; '.join(reasons[:3])}"
        )


def _is_fresh(image: Path, sound: Path) -> bool:
    try:
        return image.stat().st_mtime_ns == sound.stat().st_mtime_ns
    except OSError:
        return False


def _claim(cache: Path, key: str, overwrite: bool) -> None:
    """Make sure that the cache is there and holds images of these settings."""
    if overwrite and cache.is_dir():
        shutil.rmtree(cache)
    if cache.is_dir() and any(cache.iterdir()) and _key_of(cache) != key:
        raise DataError(f"{cache}: holds images of other renderer settings; run precompute with --overwrite")
    if not (cache / KEY).exists():
        _write(cache / KEY, yaml.safe_dump({"digest": key}).encode())


def _key_of(cache: Path) -> str:
    return str(_read_yaml(cache / KEY).get("digest", ""))


def _text_key(renderer: RendererSettings) -> str:
    if not renderer.text.needs_sentence_model:
        return renderer.section_digest("text")
    from visual_byte_core.pretrained.renderers import sentence_encoder_of

    return f"{renderer.section_digest('text')}-{sentence_encoder_of(renderer.text).digest}"


def _speech_key(renderer: RendererSettings) -> str:
    if renderer.speech.method == 2:
        return renderer.section_digest("speech")
    from visual_byte_core.pretrained.whisper_images import weights_digest

    return f"{renderer.section_digest('speech')}-{weights_digest(renderer.speech.whisper)}"


def _with_method(renderer: RendererSettings, method: int) -> RendererSettings:
    return replace(renderer, speech=replace(renderer.speech, method=method))


def _speech_cache(root: Path, folder: str, method: int) -> Path:
    return root / f"audio_img_{SPLITS[folder]}_{method}"


def _text_cache(root: Path, renderer: str) -> Path:
    return root / f"text_img_{renderer}"


def _cache_of(image: Path, root: Path) -> Path:
    return root / image.relative_to(root).parts[0]


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}  # as good as no record: what it was of is made again
    return values if isinstance(values, dict) else {}


def _write_image(job: Job, image: np.ndarray, changed: int | None = None) -> None:
    _write(job.target, cv2.imencode(".png", image[:, :, ::-1])[1].tobytes())
    if changed is not None:
        os.utime(job.target, ns=(changed, changed))


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error.strerror}); make room and run precompute again, it continues from here"
        ) from error
