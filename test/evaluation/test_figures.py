# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of the shipped bundle on real photos and voices, of a training log and of a report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from visual_byte_core.cli import main
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import DataError
from visual_byte_core.evaluation.figures import style
from visual_byte_core.evaluation.figures.embedding_map import LABEL_PLACES, tsne
from visual_byte_core.evaluation.figures.gallery import Gathered, gather
from visual_byte_core.evaluation.figures.grid import retrieval_grid
from visual_byte_core.evaluation.figures.similarity_matrix import similarity_matrix
from visual_byte_core.evaluation.figures.training_run import read_log
from visual_byte_core.evaluation.report import EvaluationSettings, evaluate
from visual_byte_testing.paths import ROOT

STARTER = ROOT / "models" / "starter"
OF_BUNDLE = ("retrieval_grid", "tsne", "blog_simple", "blog_tsne", "blog_confusion")
LOG = (
    "epoch,minutes,cls_image,clip,audio,total,gradient_norm,logit_scale,temperature,learning_rate,eval_text_to_image_r1"
    "\n1,4.8,2.6,1.3,1.6,5.5,11.3,14.0,0.07,0.001,0.2\n2,4.8,2.1,1.0,1.2,4.3,9.9,15.0,0.08,0.0005,0.4\n"
)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(STARTER, threads=1)


@pytest.fixture(scope="module")
def gathered(embedder: Embedder, dataset: Path) -> Gathered:
    return gather(embedder, dataset / "image", dataset / "audio_eval_tts", None, "en")


def check_pictures(paths: list[str]) -> None:
    """A PNG is large enough for print and shows something; an SVG is whole, and its letters are outlines."""
    for path in map(Path, paths):
        if path.suffix == ".png":
            picture = cv2.imread(str(path))
            assert min(picture.shape[:2]) > 700 and picture.std() > 10, path
        else:
            tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(path).iter()}
            assert "path" in tags and "text" not in tags, path


def test_all_figures_of_a_bundle_and_the_same_again(dataset, tmp_path, capsys):
    inputs = ["figures", "--images", str(dataset / "image"), "--speech", str(dataset / "audio_eval_tts"), "--json"]
    assert main([*inputs, "--out", str(tmp_path / "a")]) == 0
    paths = json.loads(capsys.readouterr().out)
    assert [Path(path).name for path in paths] == [f"{name}.{kind}" for name in OF_BUNDLE for kind in ("png", "svg")]
    check_pictures(paths)
    assert main([*inputs, "--out", str(tmp_path / "b"), "--only", "blog_simple", "blog_tsne"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert [Path(path).read_bytes() for path in again] == [Path(path).read_bytes() for path in paths[4:8]]
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == sorted(Path(path).name for path in again)


def test_frames_and_marks_say_what_is_right(gathered):
    with style.house_style():
        figure = retrieval_grid(gathered)
        rows = figure.axes[0].get_subplotspec().get_gridspec().nrows
        for row in range(rows):
            asked, *found = figure.axes[6 * row : 6 * row + 6]
            name = asked.get_title().partition(": ")[2]
            cosines = [float(axes.get_title().split()[-1]) for axes in found if axes.get_title()]
            assert cosines == sorted(cosines, reverse=True) and len(cosines) == 5
            for axes in found:
                right = axes.get_title()[2:].startswith(name)
                mark, colour = style.RIGHT if right else style.WRONG
                assert axes.get_title()[0] == mark and axes.title.get_color() == colour
                assert (axes.spines["left"].get_linestyle() == "-") == right
        style.pyplot.close(figure)


def test_the_matrix_shows_mean_cosines(gathered):
    with style.house_style():
        figure = similarity_matrix(gathered)
    shown = figure.axes[0].images[0].get_array()
    slugs = sorted(gathered.names)
    for i, asked in enumerate(slugs):
        query = gathered.texts.embeddings[gathered.texts.slugs.index(asked)]
        for j, slug in enumerate(slugs):
            photos = gathered.photos.embeddings[[one == slug for one in gathered.photos.slugs]]
            assert shown[i, j] == pytest.approx(float((photos @ query).mean()), abs=1e-5)
    right = int((np.asarray(shown).argmax(axis=1) == np.arange(len(slugs))).sum())
    assert f"{right} of {len(slugs)} typed names" in figure.get_suptitle()
    style.pyplot.close(figure)


def test_labels_of_the_map_lie_inside_and_apart(gathered):
    with style.house_style():
        figure = tsne(gathered)
        figure.draw_without_rendering()
        axes = figure.axes[0]
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == len(gathered.names) < len(LABEL_PLACES)
        inside = axes.get_window_extent()
        assert all(inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1) for box in boxes)
        assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])
        style.pyplot.close(figure)


def test_classes_without_photos_or_speech_are_left_out(embedder, dataset, tmp_path):
    for slug in ("kiwi", "lime"):
        shutil.copytree(dataset / "audio_eval_tts" / slug, tmp_path / "speech" / slug)
    assert list(gather(embedder, dataset / "image", tmp_path / "speech", None, "en").names) == ["kiwi", "lime"]
    shutil.rmtree(tmp_path / "speech" / "lime")
    with pytest.raises(DataError, match="1 classes with both photos and speech"):
        gather(embedder, dataset / "image", tmp_path / "speech", None, "en")


def test_letters_that_no_font_has_are_told(monkeypatch):
    with (
        pytest.raises(DataError, match="no font here has the letters .*fonts-nanum"),
        style.house_style(["\U00012000"]),
    ):
        pass
    with style.house_style(["é", "→"]):
        assert style.pyplot.rcParams["font.family"] == ["DejaVu Sans"]
    monkeypatch.setattr(style, "_installed_fonts", dict)
    with pytest.raises(DataError, match="나바"), style.house_style(["바나나"]):
        pass


@pytest.mark.parametrize(
    ("name", "most", "expected"),
    [
        ("Banana", 6, "Banana"),
        ("Arla Sour Cream", 10, "Arla Sour…"),
        ("골든 딜리셔스", 8, "골든 딜…"),
        ("오이", 4, "오이"),
    ],
)
def test_long_names_are_shortened_by_their_width(name, most, expected):
    assert style.short(name, most) == expected


def test_curves_of_a_training_run(tmp_path, capsys):
    (tmp_path / "log.csv").write_text(LOG, encoding="utf-8")
    assert read_log(tmp_path)["total"] == [5.5, 4.3]
    assert main(["figures", "--run", str(tmp_path), "--out", str(tmp_path / "out"), "--json"]) == 0
    paths = json.loads(capsys.readouterr().out)
    assert [Path(path).name for path in paths] == ["training.png", "training.svg"]
    check_pictures(paths)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        ("epoch,total\n1,hello\n", "not a table of numbers"),
        ("a,b\n1,2\n", "no epoch, or not"),
    ],
)
def test_a_folder_without_a_training_log(content, reason, tmp_path, capsys):
    if content:
        (tmp_path / "log.csv").write_text(content, encoding="utf-8")
    assert main(["figures", "--run", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert reason in capsys.readouterr().err


def test_figures_of_a_report(embedder, dataset, tmp_path, capsys):
    report = tmp_path / "report.json"
    settings = EvaluationSettings(images=dataset / "image", speech=dataset / "audio_eval_tts")
    report.write_text(json.dumps(evaluate(embedder, settings)), encoding="utf-8")
    assert main(["figures", "--report", str(report), "--out", str(tmp_path / "figures"), "--json"]) == 0
    paths = json.loads(capsys.readouterr().out)
    assert {Path(path).stem for path in paths} == {"recall", "not_found"}
    check_pictures(paths)
    report.write_text("[1]")
    assert main(["figures", "--report", str(report), "--out", str(tmp_path)]) == 1
    assert "no report of `visual-byte evaluate`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "give --images and --speech"),
        (["--images", "x"], "--images and --speech go together"),
        (["--run", "x", "--only", "tsne"], "--only tsne: not drawn from what was given"),
    ],
)
def test_wrong_arguments(arguments, reason, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["figures", "--out", str(tmp_path), *arguments])
    assert ended.value.code == 2 and reason in capsys.readouterr().err
