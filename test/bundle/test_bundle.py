# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle is written whole, read only if nothing in it was altered, and says what is wrong with it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from visual_byte_core.bundle.bundle import Bundle, load_bundle, update_bundle, write_bundle
from visual_byte_core.errors import BundleError
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.settings import RendererSettings
from visual_byte_testing.pixel_bundle import write_pixel_bundle

NAMES = [ClassName("apple", "apple", "사과"), ClassName("royal_gala", "Royal Gala", "", ("apple",))]
CALIBRATION = {
    "text": {
        "memories": [10, 100],
        "false_accept_rates": [0.1],
        "thresholds": [[0.25], [0.5]],
        "probability": {"intercept": -1.0, "score": 2.0, "log_memories": 0.0},
        "curve": {"memories": 100, "threshold": [0.5, 0.75], "far": [0.125, 0.0], "frr": [0.0, 0.375]},
    }
}
REPORT = {
    "counts": {"images": 40, "speech": 8, "classes": 2},
    "retrieval": {"text_to_image": {"r1": 0.875, "r5": 1.0, "n": 40}},
    "not_found": {"known_absent": {"text": {"far": 0.25, "frr": None, "far_at_frr_05": 0.5, "auroc": 0.75, "n": 16}}},
    "latency_ms": {"embed": {"p50": 6.25, "p95": 8.5}},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_pixel_bundle(tmp_path_factory.mktemp("bundle") / "pixels", NAMES, CALIBRATION)


@pytest.fixture
def bundle(written: Bundle, tmp_path: Path) -> Path:
    return shutil.copytree(written.path, tmp_path / "pixels")


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change bundle.yaml as another program would that knows the checksum."""
    path = folder / "bundle.yaml"
    document = yaml.safe_load(path.read_text())
    del document["checksum"]
    change(document)
    document["checksum"] = hashlib.sha256(json.dumps(document, ensure_ascii=False, default=str).encode()).hexdigest()
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))


def test_what_was_written_is_read(written: Bundle) -> None:
    assert load_bundle(written.path) == written
    assert written.class_names == tuple(NAMES) and written.calibration == CALIBRATION
    assert written.size == written.renderer.size == 32
    assert sorted(path.name for path in written.path.iterdir()) == ["README.md", "backbone.onnx", "bundle.yaml"]


def test_the_id_follows_network_and_renderer(written: Bundle, tmp_path: Path) -> None:
    def write(name: str, size: int, network: bytes) -> str:
        (tmp_path / "network.onnx").write_bytes(network)
        bundle = write_bundle(
            tmp_path / name, name=name, backbone="b", renderer=RendererSettings(size=size), class_names=NAMES,
            onnx_path=tmp_path / "network.onnx", quantization={},
        )  # fmt: skip
        return bundle.id

    first = write("first", 64, b"network")
    assert first.startswith("first@") and len(first.partition("@")[2]) == 12
    assert write("first", 64, b"network") == first  # also: an older bundle is replaced
    identities = {write(*arguments).partition("@")[2] for arguments in (
        ("a", 64, b"network"), ("b", 64, b"network"), ("c", 96, b"network"), ("d", 64, b"other"))}  # fmt: skip
    assert len(identities) == 3 and first.partition("@")[2] in identities


def test_an_update_keeps_the_id_and_renews_the_card(bundle: Path, written: Bundle) -> None:
    metrics = {"Photos of a kitchen": {"command": "visual-byte evaluate", "float32": REPORT, "int8": REPORT}}
    updated = update_bundle(bundle, metrics=metrics)
    assert updated.id == written.id and updated.metrics == metrics and updated.calibration == CALIBRATION
    assert load_bundle(bundle) == updated
    card = (bundle / "README.md").read_text()
    assert "| typed name to photo | 0.875 | 0.875 | 1.000 | 1.000 | 40 |" in card
    assert "| INT8 | known absent | typed | 0.250 | - | 0.500 | 0.750 | 16 |" in card
    assert "| 0.750 | 0.000 | 0.375 |" in card and "6.250" in card and "    visual-byte evaluate" in card
    assert update_bundle(bundle, calibration={}).calibration == {}


def test_values_of_numpy_are_stored_as_plain_numbers(bundle: Path) -> None:
    curve = {"memories": np.int64(30), "threshold": np.array([0.5]), "far": (0.25,), "frr": np.zeros(1, np.float32)}
    calibration = {"text": CALIBRATION["text"] | {"curve": curve}}
    stored = {"memories": 30, "threshold": [0.5], "far": [0.25], "frr": [0.0]}
    assert update_bundle(bundle, calibration=calibration).calibration["text"]["curve"] == stored
    assert load_bundle(bundle).calibration["text"]["curve"] == stored


@pytest.mark.parametrize("values", [{"text": float("nan")}, {"text": {1, 2}}, {"text": {"curve": [1]}}, {"text": 3}])
def test_values_that_cannot_be_kept_change_nothing(bundle: Path, values: dict[str, Any]) -> None:
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    with pytest.raises(BundleError, match="plain finite data|not laid out as the model card needs"):
        update_bundle(bundle, calibration=values)
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before


@pytest.mark.parametrize("name", ["bundle.yaml", "backbone.onnx"])
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=rf"{name}.*copy the bundle again"):
        load_bundle(bundle)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere: no such folder; expected one with a bundle\.yaml"):
        load_bundle(tmp_path / "nowhere")


def test_an_altered_network_is_refused_with_both_hashes(bundle: Path) -> None:
    network = bundle / "backbone.onnx"
    content = bytearray(network.read_bytes())
    expected = hashlib.sha256(content).hexdigest()
    content[len(content) // 2] ^= 1
    network.write_bytes(content)
    with pytest.raises(BundleError) as refused:
        load_bundle(bundle)
    for part in ("backbone.onnx", expected, hashlib.sha256(content).hexdigest(), "copy the bundle again"):
        assert part in str(refused.value)


def test_an_altered_description_is_refused(bundle: Path) -> None:
    path = bundle / "bundle.yaml"
    path.write_text(path.read_text().replace("0.25", "0.05"))
    with pytest.raises(BundleError, match=r"bundle\.yaml: altered .* expected checksum \w{64}, found \w{64}; copy"):
        load_bundle(bundle)


@pytest.mark.parametrize("content", [b"", b"- a list", b"\xff\xfe\x00", b"key: [unclosed", b"name: no format"])
def test_what_is_no_description_is_refused(bundle: Path, content: bytes) -> None:
    (bundle / "bundle.yaml").write_bytes(content)
    with pytest.raises(BundleError, match=r"bundle\.yaml: not (readable as YAML|a bundle description)"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format=2), r"format 2 is unknown, this version reads format 1; update Visual Byte"),
        (lambda d: d["files"].update({"../secret": "0" * 64}), r"'\.\./secret' lies outside the bundle"),
        (lambda d: d["files"].update({"/etc/passwd": "0" * 64}), r"'/etc/passwd' lies outside the bundle"),
        (lambda d: d["files"].clear(), r"does not list backbone\.onnx"),
        (lambda d: d.pop("class_names"), r"cannot be understood \(KeyError: 'class_names'\)"),
        (lambda d: d.update(files=3), r"cannot be understood \(TypeError"),
        (lambda d: d["renderer"].update(size=5), r"cannot be understood \(ConfigurationError"),
        (lambda d: d["renderer"].update(size=64), r"made with renderer \w{16}, this version renders \w{16}"),
        (lambda d: d["normalization"].update(mean=[0, 0, 0]), r"normalization .* differs from this version's"),
    ],
)
def test_what_this_version_cannot_reproduce_is_refused(
    bundle: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    rewrite(bundle, change)
    with pytest.raises(BundleError, match=message):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("photos", "holds other files"),
        ("file", "is a file"),
        ("file/below", "cannot be written .*; choose another folder"),
    ],
)
def test_other_files_are_never_overwritten(written: Bundle, tmp_path: Path, target: str, message: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"jpeg")
    (tmp_path / "file").write_text("text")
    with pytest.raises(BundleError, match=message):
        write_bundle(
            tmp_path / target, name="b", backbone="b", renderer=written.renderer, class_names=NAMES,
            onnx_path=written.onnx_path, quantization={},
        )  # fmt: skip
    assert (tmp_path / "photos" / "holiday.jpg").read_bytes() == b"jpeg"


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be written"):
        write_bundle(
            tmp_path / "bundle", name="b", backbone="b", renderer=RendererSettings(), class_names=NAMES,
            onnx_path=tmp_path / "missing.onnx", quantization={},
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
