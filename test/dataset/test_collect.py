# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Building a data set: splits that never meet."""

from __future__ import annotations

import io
import resource
import shutil
import signal
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from visual_byte_core.dataset.cifar import read_cifar100
from visual_byte_core.dataset.class_folders import sounds_below
from visual_byte_core.dataset.collect_config import CollectConfig, PhotoSource, load_collect_config
from visual_byte_core.dataset.collection import collect
from visual_byte_core.dataset.pseudo_words import pseudo_words
from visual_byte_core.errors import ConfigurationError, DataError
from visual_byte_core.names import read_names
from visual_byte_testing.paths import ROOT


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_photos_of_the_splits_are_disjoint(dataset: Path) -> None:
    train, calibrate, evaluate = (files_below(dataset / f"image{split}") for split in ("", "_calibrate", "_eval"))
    assert len(train) == 8 and len(calibrate) == len(evaluate) == 4
    assert not train & calibrate and not train & evaluate and not calibrate & evaluate


def test_every_name_is_spoken_in_both_languages(dataset: Path) -> None:
    for name in ("banana", "lemon", "kiwi", "lime"):
        assert len(sounds_below(dataset / "audio" / name / "en")) == 3
        assert len(sounds_below(dataset / "audio" / name / "ko")) == 1
        assert sounds_below(dataset / "audio_eval_tts" / name / "en")


def test_collecting_again_writes_nothing(dataset: Path, collect_config: CollectConfig) -> None:
    again = collect(collect_config)
    assert (again.photos, again.spoken) == (0, 0)


def test_tiles_of_a_sheet_are_cut_row_by_row(tmp_path: Path) -> None:
    sheet = np.zeros((64, 96, 3), np.uint8)
    for number in range(6):
        row, column = divmod(number, 3)
        sheet[row * 32 : (row + 1) * 32, column * 32 : (column + 1) * 32] = 40 * number
    (tmp_path / "sheets").mkdir()
    cv2.imwrite(str(tmp_path / "sheets" / "apple.webp"), sheet, [cv2.IMWRITE_WEBP_QUALITY, 101])
    (tmp_path / "names.csv").write_text("en,ko\napple,사과\n", encoding="utf-8")
    source = PhotoSource(str(tmp_path / "sheets"), "cifar_sheets", train=4, evaluate=2)
    collect(CollectConfig(str(tmp_path / "out"), str(tmp_path / "names.csv"), (source,), voices={}))
    assert (cv2.imread(str(tmp_path / "out" / "image" / "apple" / "cifar_003.png")) == 120).all()
    assert files_below(tmp_path / "out" / "image_eval") == {"apple/cifar_004.png", "apple/cifar_005.png"}


def test_a_source_without_known_names_is_an_error(tmp_path: Path) -> None:
    config = CollectConfig(str(tmp_path / "out"), str(ROOT / "config" / "names.csv"), (PhotoSource(str(tmp_path)),))
    with pytest.raises(DataError, match="no folder of a known name"):
        collect(config)


def shop_photos(tmp_path: Path, count: int, bad: int) -> CollectConfig:
    """One class of `count` real photos, of which the first `bad` are cut off, and one class without."""
    folder = tmp_path / "photos" / "kiwi"
    folder.mkdir(parents=True)
    photo = sorted((ROOT / "examples" / "photos" / "kiwi").glob("*.jpg"))[0].read_bytes()
    for number in range(count):
        (folder / f"{number:02d}.jpg").write_bytes(photo[:900] if number < bad else photo)
    (tmp_path / "names.csv").write_text("en,ko\nkiwi,키위\nlime,라임\n", encoding="utf-8")
    source = PhotoSource(str(tmp_path / "photos"))
    return CollectConfig(str(tmp_path / "out"), str(tmp_path / "names.csv"), (source,), voices={})


def test_one_unreadable_photo_among_many_is_left_out_and_named(tmp_path: Path) -> None:
    collected = collect(shop_photos(tmp_path, 20, 1))
    assert collected.photos == 19 and collected.without_photos == ("lime",)
    assert len(collected.unreadable) == 1 and "kiwi/00.jpg" in collected.unreadable[0]


def test_too_many_unreadable_photos_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 of 20 photos cannot be read, over 5%.*00\.jpg.*01\.jpg"):
        collect(shop_photos(tmp_path, 20, 2))


def test_a_full_disk_leaves_no_half_photo(tmp_path: Path) -> None:
    config = shop_photos(tmp_path, 2, 0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"00\.jpg: cannot be written .* make room and run it again"):
            collect(config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not files_below(tmp_path / "out" / "image")
    assert collect(config).photos == 2


def cifar_archive(tmp_path: Path) -> Path:
    """Three photos of apple and one of baby in `train`, one of apple in `test`, as the official archive has them."""
    red = np.zeros((3, 32, 32), np.uint8)
    red[0, 0, :] = 200  # the first row, red
    records = {"train": [(4, 0), (14, 1), (4, 0), (4, 0)], "test": [(4, 0)]}
    contents = {
        f"{split}.bin": b"".join(bytes(label) + red.tobytes() for label in labels) for split, labels in records.items()
    }
    contents["fine_label_names.txt"] = b"apple\nbaby\n"
    with tarfile.open(tmp_path / "cifar-100-binary.tar.gz", "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-100-binary/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return tmp_path / "cifar-100-binary.tar.gz"


def test_cifar_100_is_read_from_its_binary_archive(tmp_path: Path) -> None:
    archive = str(cifar_archive(tmp_path))
    (tmp_path / "names.csv").write_text("en,ko\napple,사과\n", encoding="utf-8")
    sources = (
        PhotoSource(archive, "cifar_binary", train=2),
        PhotoSource(archive, "cifar_binary", train=0, evaluate=-1, split="test"),
    )
    collect(CollectConfig(str(tmp_path / "out"), str(tmp_path / "names.csv"), sources, voices={}))
    assert files_below(tmp_path / "out" / "image") == {"apple/cifar_000.png", "apple/cifar_001.png"}
    assert files_below(tmp_path / "out" / "image_eval") == {"apple/cifar_test_000.png"}
    pixels = cv2.imread(str(tmp_path / "out" / "image" / "apple" / "cifar_001.png"))
    assert (pixels[0] == (0, 0, 200)).all() and not pixels[1:].any()
    shutil.unpack_archive(archive, tmp_path)
    assert read_cifar100(tmp_path / "cifar-100-binary", "train")["baby"].shape == (1, 32, 32, 3)


def test_cifar_100_as_a_pickle_or_cut_off_is_refused(tmp_path: Path) -> None:
    pickled = tmp_path / "cifar-100-python"
    pickled.mkdir()
    (pickled / "meta").write_bytes(b"")
    with tarfile.open(tmp_path / "cifar-100-python.tar.gz", "w:gz") as archive:
        archive.add(pickled, "cifar-100-python")
    for path in (pickled, tmp_path / "cifar-100-python.tar.gz"):
        with pytest.raises(DataError, match="a pickle.*take cifar-100-binary.tar.gz"):
            read_cifar100(path, "train")
    whole = cifar_archive(tmp_path)
    whole.write_bytes(whole.read_bytes()[:150])
    for path in (whole, tmp_path / "missing.tar.gz"):
        with pytest.raises(DataError, match=f"{path.name}: cannot be read as CIFAR-100"):
            read_cifar100(path, "train")
    (tmp_path / "fine_label_names.txt").write_text("apple\n")
    (tmp_path / "train.bin").write_bytes(bytes(3000))
    with pytest.raises(DataError, match="3000 bytes, no multiple of 3074"):
        read_cifar100(tmp_path, "train")


def test_shipped_configuration_needs_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL_BYTE_DATA", raising=False)
    with pytest.raises(ConfigurationError, match="VISUAL_BYTE_DATA"):
        load_collect_config(ROOT / "config" / "collect_starter.yaml")
    monkeypatch.setenv("VISUAL_BYTE_DATA", "/data")
    assert load_collect_config(ROOT / "config" / "collect_starter.yaml").photos[0].path == "/data/cifar100/train"


def test_splits_follow_each_other_whatever_is_left() -> None:
    assert PhotoSource("x", train=-1, calibrate=3).splits(10) == [(0, 7), (7, 10), (10, 10)]
    assert PhotoSource("x", train=4, calibrate=3, evaluate=3).splits(5) == [(0, 4), (4, 5), (5, 5)]
    with pytest.raises(ConfigurationError, match="-1 may stand once"):
        PhotoSource("x", train=-1, evaluate=-1)


def test_pseudo_words_repeat_and_are_no_names() -> None:
    names = [name.en for name in read_names(ROOT / "config" / "names.csv")]
    invented = pseudo_words(names, 50)
    assert invented == pseudo_words(names, 50) and len(set(invented)) == 50
    assert not {n.lower() for n in names} & set(invented)
    assert set(invented) != set(pseudo_words(names, 50, seed=1))
    assert len(pseudo_words(["banana", "lemon", "kiwi", "lime"], 5)) == 5


def test_names_too_few_to_invent_words_are_refused_and_not_tried_for_ever() -> None:
    with pytest.raises(DataError, match="lower it"):
        pseudo_words(["ab"], 5)
