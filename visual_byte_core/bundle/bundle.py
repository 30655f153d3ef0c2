# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The bundle: one folder with everything a robot must know to embed what it sees and is asked.

- `backbone.onnx`: input `pixels` float32 [n, 3, 32 h, 32 w]; outputs `embedding` float32 [n, 512], unit length, and
  `embedding_map` float32 [n, 512, h, w], unit length per cell
- `sentence/`, only where the text renderer needs it: a portable sentence model (`rendering.sentence_encoder`)
- `bundle.yaml`: name, renderer, normalization, class names, calibration, metrics, SHA-256 of every file that is read
- `README.md`: the model card, written from `bundle.yaml`
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from visual_byte_core.bundle.model_card import model_card
from visual_byte_core.errors import BundleError, ModelError, VisualByteError
from visual_byte_core.files import sha256_of_file, sync_folder, write_atomically
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.normalize import MEAN, STD
from visual_byte_core.rendering.settings import RendererSettings

FORMAT = 1
MANIFEST = "bundle.yaml"
BACKBONE = "backbone.onnx"
CARD = "README.md"
SENTENCE = "sentence"
EMBEDDING_DIMENSION = 512
MAX_FILE_BYTES = 2**31 - 1  # bytes: what a file of protocol buffers can hold
NO_METHOD_1 = (
    "trained on speech method 1, whose Whisper no robot runs; train with renderer.speech.method=2 to make a bundle"
)


@dataclass(frozen=True)
class Bundle:
    """What `bundle.yaml` says.

    id: name, "@" and 12 hexadecimal characters that change with the network or the renderer and with nothing else, so
        embeddings of equal ids may be compared. quantization: {} for a float32 network.
    """

    path: Path
    name: str
    id: str
    renderer: RendererSettings
    class_names: tuple[ClassName, ...]
    calibration: dict[str, Any]
    metrics: dict[str, Any]
    quantization: dict[str, Any]
    training: dict[str, Any]
    backbone: str
    dimension: int = EMBEDDING_DIMENSION

    @property
    def size(self) -> int:
        """Side of a photo's square picture in pixels."""
        return self.renderer.size

    def size_of(self, modality: str) -> int:
        """Side in pixels of the pictures of a modality, `text`, `audio` or `image`."""
        return self.renderer.size_of(modality)

    @property
    def onnx_path(self) -> Path:
        """The network's file, below `path`."""
        return self.path / BACKBONE


def load_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Read and check a bundle folder; from then on its sentence model, if it has one, serves `render_text`.

    Raises BundleError if the folder, `bundle.yaml` or a file it names is missing, altered or of an unknown format.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise BundleError(f"bundle {folder}: no such folder; expected one with a {MANIFEST}, e.g. models/starter")
    document = _read_manifest(folder)
    bundle = _bundle_of(folder, document)
    for name, expected in document["files"].items():
        _check_file(folder, name, expected)
    if bundle.renderer.text.needs_sentence_model:
        _provide_sentence_model(bundle)
    return bundle


def write_bundle(
    folder: str | os.PathLike[str],
    *,
    name: str,
    backbone: str,
    renderer: RendererSettings,
    class_names: Sequence[ClassName],
    onnx_path: str | os.PathLike[str],
    sentence: str | os.PathLike[str] | None = None,
    quantization: Mapping[str, Any],
    calibration: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
) -> Bundle:
    """Make a bundle folder; an older bundle at the same place is replaced, anything else there is refused.

    `onnx_path` is copied, and so is `sentence`, the folder of the portable sentence model that `renderer` names, if it
    needs one. The mappings hold plain data (numbers, texts, lists, mappings; numpy scalars and arrays too).
    `metrics` and `training` are laid out as `model_card` describes. Raises BundleError.
    """
    target = Path(folder)
    _check_replaceable(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise BundleError(f"bundle {target}: cannot be written ({error}); choose another folder") from error
    try:
        temporary.chmod(0o755)  # mkdtemp makes it private; a bundle is for sharing
        shutil.copyfile(onnx_path, temporary / BACKBONE)
        if sentence is not None:
            (temporary / SENTENCE).mkdir()
            for file in Path(sentence).iterdir():
                shutil.copyfile(file, temporary / SENTENCE / file.name)
        bundle = Bundle(
            path=temporary,
            name=name,
            id=_identity(name, sha256_of_file(temporary / BACKBONE), renderer),
            renderer=renderer,
            class_names=tuple(class_names),
            calibration=_plain(calibration or {}, "calibration"),
            metrics=_plain(metrics or {}, "metrics"),
            quantization=_plain(quantization, "quantization"),
            training=_plain(training or {}, "training"),
            backbone=backbone,
        )
        _write_documents(bundle)
        load_bundle(temporary)
        _move_into_place(temporary, target)
    except OSError as error:
        raise BundleError(f"bundle {target}: cannot be written ({error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return replace(bundle, path=target)


def update_bundle(
    folder: str | os.PathLike[str],
    *,
    calibration: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> Bundle:
    """Replace the calibration, the metrics or both, in `bundle.yaml` and in the model card; the id stays.

    Raises BundleError.
    """
    bundle = load_bundle(folder)
    if calibration is not None:
        bundle = replace(bundle, calibration=_plain(calibration, "calibration"))
    if metrics is not None:
        bundle = replace(bundle, metrics=_plain(metrics, "metrics"))
    try:
        _write_documents(bundle)
    except OSError as error:
        raise BundleError(f"bundle {folder}: cannot be written ({error})") from error
    return bundle


def _identity(name: str, onnx_sha256: str, renderer: RendererSettings) -> str:
    return f"{name}@{hashlib.sha256(f'{onnx_sha256} {renderer.digest()}'.encode()).hexdigest()[:12]}"


def _write_documents(bundle: Bundle) -> None:
    document = _document_of(bundle)
    document["checksum"] = _checksum(document)
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, default_flow_style=None, width=120)
    try:
        card = model_card(document)
    except (AttributeError, KeyError, TypeError) as error:
        raise BundleError(
            f"bundle {bundle.name}: metrics, training or calibration are not laid out as the model card needs them "
            f"({type(error).__name__}: {_one_line(error)})"
        ) from error
    write_atomically(bundle.path / MANIFEST, text.encode())
    write_atomically(bundle.path / CARD, card.encode())


def _document_of(bundle: Bundle) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": bundle.name,
        "id": bundle.id,
        "backbone": bundle.backbone,
        "dimension": bundle.dimension,
        "renderer_digest": bundle.renderer.digest(),
        "renderer": _plain(bundle.renderer.to_dict(), "renderer"),
        "normalization": _normalization(),
        "quantization": bundle.quantization,
        "files": {name: sha256_of_file(bundle.path / name) for name in _files(bundle.path)},
        "training": bundle.training,
        "metrics": bundle.metrics,
        "calibration": bundle.calibration,
        "class_names": [name.to_dict() for name in bundle.class_names],
    }


def _files(folder: Path) -> list[str]:
    sentence = sorted(f"{SENTENCE}/{path.name}" for path in folder.glob(f"{SENTENCE}/*"))
    return [BACKBONE, *sentence]


def _normalization() -> dict[str, list[float]]:
    return {key: [round(float(value), 6) for value in values] for key, values in (("mean", MEAN), ("std", STD))}


def _plain(data: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The same data as YAML and JSON hold it: tuples become lists, numpy values become Python's."""
    try:
        plain: dict[str, Any] = json.loads(
            json.dumps(dict(data), default=lambda value: value.tolist(), allow_nan=False)
        )
        return plain
    except (AttributeError, TypeError, ValueError) as error:
        raise BundleError(f"bundle: {what} must hold plain finite data only: {error}") from error


def _checksum(document: Mapping[str, Any]) -> str:
    content = {key: value for key, value in document.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, default=str).encode()).hexdigest()


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    restore = "copy the bundle again or write it with `visual-byte export`"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"bundle {folder}: {MANIFEST} is missing; {restore}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BundleError(f"{path}: not readable as YAML ({_one_line(error)}); {restore}") from error
    if not isinstance(document, dict) or "format" not in document:
        raise BundleError(f"{path}: not a bundle description (no `format`); {restore}")
    if document["format"] != FORMAT:
        raise BundleError(
            f"{path}: format {document['format']!r} is unknown, this version reads format {FORMAT}; "
            "update Visual Byte, or export the bundle again with this version"
        )
    found = _checksum(document)
    if document.get("checksum") != found:
        raise BundleError(
            f"{path}: altered after it was written: expected checksum {document.get('checksum')}, found {found}; "
            f"{restore} (metrics and calibration are changed by `visual-byte calibrate`, not by hand)"
        )
    return document


def _check_file(folder: Path, name: str, expected: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise BundleError(f"{folder / MANIFEST}: file {name!r} lies outside the bundle; do not use this bundle")
    try:
        size = (folder / path).stat().st_size
        if size > MAX_FILE_BYTES:
            raise BundleError(
                f"{folder / path}: {size / 2**30:.1f} GiB, expected under 2; no network of Visual Byte is so large, "
                "copy the bundle again"
            )
        found = sha256_of_file(folder / path)
    except OSError as error:
        raise BundleError(
            f"{folder / path}: {error.strerror}; expected a file with SHA-256 {expected}; copy the bundle again"
        ) from error
    if found != expected:
        raise BundleError(
            f"{folder / path}: not the file this bundle was written with: expected SHA-256 {expected}, found {found}; "
            "copy the bundle again (a git checkout may hold a Git LFS pointer: `git lfs pull`)"
        )


def _bundle_of(folder: Path, document: Mapping[str, Any]) -> Bundle:
    path = folder / MANIFEST
    try:
        if BACKBONE not in dict(document["files"]):
            raise BundleError(f"{path}: `files` does not list {BACKBONE}; export the bundle again")
        renderer = RendererSettings.from_dict(document["renderer"])
        _check_reproducible(path, renderer, document)
        return Bundle(
            path=folder,
            renderer=renderer,
            class_names=tuple(ClassName.from_dict(entry) for entry in document["class_names"]),
            **{
                key: document[key]
                for key in ("name", "id", "calibration", "metrics", "quantization", "training", "backbone", "dimension")
            },
        )
    except BundleError:
        raise
    except (KeyError, TypeError, ValueError, VisualByteError) as error:
        raise BundleError(
            f"{path}: cannot be understood ({type(error).__name__}: {_one_line(error)}); export the bundle again"
        ) from error


def _check_reproducible(path: Path, renderer: RendererSettings, document: Mapping[str, Any]) -> None:
    """The network must see on the robot what it saw in training, so other rendering or normalization is refused."""
    if renderer.digest() != document["renderer_digest"]:
        raise BundleError(
            f"{path}: made with renderer {document['renderer_digest']}, this version renders {renderer.digest()}; "
            "use the version that wrote the bundle, or train and export again"
        )
    if renderer.speech.method != 2:
        raise BundleError(f"{path}: {NO_METHOD_1}")
    if document["normalization"] != _normalization():
        raise BundleError(
            f"{path}: normalization {document['normalization']} differs from this version's {_normalization()}; "
            "use the version that wrote the bundle, or train and export again"
        )


def _provide_sentence_model(bundle: Bundle) -> None:
    from visual_byte_core.rendering.sentence_encoder import provide

    renderer, wanted = bundle.renderer.text.renderer, bundle.renderer.text.sentence_model
    try:
        encoder = provide(bundle.path / SENTENCE)
    except ModelError as error:
        raise BundleError(
            f"bundle {bundle.path}: its text renderer {renderer} needs a sentence model: {error}"
        ) from error
    if encoder.name != wanted:
        raise BundleError(
            f"bundle {bundle.path}: its text renderer {renderer} needs the sentence model {wanted}, {SENTENCE}/ holds "
            f"{encoder.name}; export the bundle again"
        )


def _check_replaceable(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise BundleError(f"bundle {target}: is a file; choose a folder")
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).exists():
        raise BundleError(f"bundle {target}: holds other files and no {MANIFEST}; choose a new or empty folder")


def _move_into_place(temporary: Path, target: Path) -> None:
    replaced = target.with_name(f"{temporary.name}.replaced")
    if target.exists():
        os.rename(target, replaced)
    os.rename(temporary, target)
    sync_folder(target.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
