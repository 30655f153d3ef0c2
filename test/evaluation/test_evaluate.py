# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The report against its definition, worked out query by query; perturbations; files that cannot be read."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from visual_byte_core.cli import main
from visual_byte_core.dataset.perturbation import NoiseMixer, perturb_text
from visual_byte_core.dataset.spelling import spelled_where_known
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.errors import DataError, InvalidNames
from visual_byte_core.evaluation.report import EvaluationSettings, evaluate
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.photo import read_photo
from visual_byte_core.rendering.speech import read_sound
from visual_byte_testing.pixel_bundle import write_pixel_bundle

NAMES = [
    ClassName("apple", "Apple", "사과"),
    ClassName("royal_gala", "Royal Gala", "로열 갈라", broader=("apple",)),
    ClassName("mug", "Mug", "머그컵"),
    ClassName("chair", "Chair", "의자"),
    ClassName("lamp", "Lamp", "램프"),
]
PHOTOS = {"apple": 4, "royal_gala": 3, "mug": 7, "lamp": 1, "coffee_pot": 6}  # coffee_pot is no name of the bundle
CLIPS = {"apple": 3, "mug": 2, "coffee_pot": 2, "chair": 1, "zeppelin": 2}  # chair is known and has no photos
CALIBRATION = {
    kind: {
        "memories": [1, 1000],
        "false_accept_rates": [0.05, 0.5],
        "thresholds": [[0.6, 0.1], [0.8, 0.3]],
        "probability": {"intercept": -5.0, "score": 10.0, "log_memories": 0.0},
        "curve": {"memories": 100, "threshold": [0.0, 1.0], "far": [1.0, 0.0], "frr": [0.0, 1.0]},
    }
    for kind in ("text", "audio", "image")
}


def write_photo(path: Path, generator: np.random.Generator, colours: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.clip(colours + generator.normal(0, 25, colours.shape), 0, 255).astype(np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(coarse, (60, 48), interpolation=cv2.INTER_CUBIC))


def write_clip(path: Path, generator: np.random.Generator, start_hz: float, end_hz: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    seconds = np.arange(0, generator.uniform(0.4, 0.8), 1 / 16000)
    glide = np.linspace(start_hz, end_hz, len(seconds)) * generator.uniform(0.9, 1.1)
    sound = np.sin(2 * np.pi * np.cumsum(glide) / 16000) * np.hanning(len(seconds))
    soundfile.write(path, 0.5 * sound + 0.01 * generator.normal(size=len(seconds)), 16000)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder, generator = tmp_path_factory.mktemp("data"), np.random.default_rng(5)
    for slug, count in PHOTOS.items():
        colours = generator.uniform(0, 255, (4, 4, 3))
        for i in range(count):
            write_photo(folder / "image" / slug / f"{i}.{'png' if i % 2 else 'jpg'}", generator, colours)
    for slug, count in CLIPS.items():
        hertz = generator.uniform(200, 3000, 2)
        for i in range(count):
            write_clip(folder / "audio" / slug / "en" / f"{i}.wav", generator, *hertz)
    write_pixel_bundle(folder / "bundle", NAMES, CALIBRATION)
    (folder / "absent.txt").write_text("zeppelin\n\nviolin \nMUG\ncoffee pot\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def embedder(data) -> Embedder:
    return Embedder(data / "bundle", threads=1)


def settings(data: Path, **changes) -> EvaluationSettings:
    return EvaluationSettings(
        **{"images": data / "image", "speech": data / "audio", "false_accept_rate": 0.1, **changes}
    )


@pytest.fixture(scope="module")
def report(data, embedder) -> dict:
    return evaluate(embedder, settings(data, absent=data / "absent.txt"))


@pytest.fixture(scope="module")
def alone(data, embedder) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Every photo, clip and name embedded by itself, with its class."""
    return {
        "image": [(f.parent.name, embedder.embed_photo(read_photo(f))) for f in sorted((data / "image").glob("*/*"))],
        "audio": [
            (f.parts[-3], embedder.embed_speech(*read_sound(f)))
            for f in sorted((data / "audio").glob("*/*/*"))
            if f.parts[-3] in PHOTOS
        ],
        "text": [
            (slug, embedder.embed_text(words))
            for slug, words in zip(
                PHOTOS, ("Apple", "Royal Gala", "Mug", "Lamp", "coffee pot"), strict=True
            )
        ],
    }  # fmt: skip


def test_the_report_has_the_keys_that_it_promises(report, embedder):
    assert list(report) == ["bundle", "counts", "retrieval", "not_found", "latency_ms", "details"]
    assert report["bundle"] == embedder.bundle.id
    assert report["counts"] == {"images": 21, "speech": 7, "classes": 5}
    assert set(report["not_found"]) == {"known_absent", "never_trained"}
    for kinds in report["not_found"].values():
        assert set(kinds) == {"text", "audio"}
        assert all(set(rates) == {"far", "frr", "far_at_frr_05", "auroc", "n"} for rates in kinds.values())
    assert all(0 < times["p50"] <= times["p95"] for times in report["latency_ms"].values())
    json.dumps(report, allow_nan=False)


@pytest.mark.parametrize(
    "pair", ["text_to_image", "audio_to_image", "image_to_image", "image_to_text", "audio_to_text"]
)
def test_recall_is_what_sorting_every_query_gives(report, alone, pair):
    asked, searched = (alone[kind] for kind in pair.split("_to_"))
    ranks = []
    for number, (slug, query) in enumerate(asked):
        others = [entry for i, entry in enumerate(searched) if pair != "image_to_image" or i != number]
        order = sorted(others, key=lambda entry: -float(entry[1] @ query))
        ranks.append(next((rank for rank, entry in enumerate(order) if entry[0] == slug), len(order)))
    expected = {f"r{k}": pytest.approx(np.mean([rank < k for rank in ranks]), abs=1e-6) for k in (1, 5)}
    assert report["retrieval"][pair] == {**expected, "n": len(asked)}


@pytest.mark.parametrize("pair", ["text_to_text", "text_to_audio", "image_to_audio", "audio_to_audio"])
def test_the_other_pairs_stand_under_details(report, alone, pair):
    asked, searched = (alone[kind] for kind in pair.split("_to_"))
    hits = []
    for number, (slug, query) in enumerate(asked):
        others = [entry for i, entry in enumerate(searched) if pair != "audio_to_audio" or i != number]
        hits.append(max(others, key=lambda entry: float(entry[1] @ query))[0] == slug)
    assert report["details"]["retrieval"][pair]["r1"] == pytest.approx(np.mean(hits), abs=1e-6)


def test_rows_of_the_classes_add_up_to_the_whole(report):
    rows = report["details"]["per_class"]
    assert [(row["slug"], row["name"]) for row in rows] == sorted(
        zip(PHOTOS, ("Apple", "Royal Gala", "Mug", "Lamp", "coffee pot"), strict=True)
    )
    for pair, found in report["retrieval"].items():
        of_class = [row[pair] for row in rows if row[pair]["n"]]
        assert sum(shares["n"] for shares in of_class) == found["n"]
        assert sum(shares["r1"] * shares["n"] for shares in of_class) / found["n"] == pytest.approx(found["r1"], 1e-4)
    assert next(row for row in rows if row["slug"] == "lamp")["audio_to_image"] == {"r1": None, "r5": None, "n": 0}


def test_confusions_count_the_wrong_answers(report, alone):
    texts = alone["text"]
    wrong = {}
    for slug, photo in alone["image"]:
        called = max(texts, key=lambda entry: float(entry[1] @ photo))[0]
        if called != slug:
            wrong[slug, called] = wrong.get((slug, called), 0) + 1
    found = report["details"]["confusions"]["image_to_text"]
    assert {(one["asked"], one["answered"]): one["n"] for one in found} == wrong and wrong
    assert [one["n"] for one in found] == sorted(wrong.values(), reverse=True)
    assert all(one["share"] == pytest.approx(one["n"] / PHOTOS[one["asked"]], abs=1e-4) for one in found)
    for row in report["details"]["per_class"]:
        called = [name for (slug, name), n in wrong.items() if slug == row["slug"]]
        assert row["taken_for"] in called or (not called and row["taken_for"] == "")


def test_a_part_of_the_classes(data, embedder, tmp_path):
    drawn = [
        {row["slug"] for row in evaluate(embedder, settings(data, num_classes=3, seed=seed))["details"]["per_class"]}
        for seed in (0, 0, 1, 2, 3)
    ]
    assert all(len(slugs) == 3 for slugs in drawn) and drawn[0] == drawn[1] and len(set(map(frozenset, drawn))) > 1
    names = tmp_path / "names.csv"
    names.write_text("en,ko\nMug,\nLamp,\nUnseen,\n", encoding="utf-8")
    chosen = evaluate(embedder, settings(data, only_names=names))
    assert chosen["counts"] == {"images": 8, "speech": 2, "classes": 2}
    assert evaluate(embedder, settings(data, photos="*.png"))["counts"]["images"] == 9
    with pytest.raises(DataError, match="photos of 2 classes, 3 were asked for"):
        evaluate(embedder, settings(data, only_names=names, num_classes=3))
    names.write_text("en,ko\nUnseen,\n", encoding="utf-8")
    with pytest.raises(DataError, match="no photos of a name in .*names.csv"):
        evaluate(embedder, settings(data, only_names=names))
    with pytest.raises(DataError, match="no photos named cifar"):
        evaluate(embedder, settings(data, photos="cifar_*"))


def test_rates_of_absent_names_are_what_asking_one_by_one_gives(report, alone):
    def threshold(memories: int) -> float:
        """Linear in the logarithms, between the four thresholds above, at a false accept rate of .1."""
        along = np.log(0.1 / 0.05) / np.log(0.5 / 0.05)
        few, many = 0.6 + along * (0.1 - 0.6), 0.8 + along * (0.3 - 0.8)
        return few + np.log(memories) / np.log(1000) * (many - few)

    family = {"apple": {"apple", "royal_gala"}, "royal_gala": {"apple", "royal_gala"}}
    for kind in ("text", "audio"):
        accepted = refused = 0
        for slug, query in alone[kind]:
            gone = family.get(slug, {slug})
            left = [embedding for other, embedding in alone["image"] if other not in gone]
            accepted += max(float(e @ query) for e in left) >= threshold(len(left))
            refused += max(float(e @ query) for _, e in alone["image"]) < threshold(len(alone["image"]))
        rates = report["not_found"]["known_absent"][kind]
        n = len(alone[kind])
        assert (rates["far"], rates["frr"], rates["n"]) == (pytest.approx(accepted / n), pytest.approx(refused / n), n)


def test_what_is_not_absent_is_not_asked_as_such(report, data, embedder, caplog):
    # Of the file's lines MUG is trained and coffee pot has photos; of the speech chair is known, zeppelin is not.
    assert report["not_found"]["never_trained"]["text"]["n"] == 2
    assert report["not_found"]["never_trained"]["audio"]["n"] == 2
    evaluate(embedder, settings(data, absent=data / "absent.txt"))
    assert "absent names that are trained or have photos: MUG, coffee pot" in caplog.text
    assert "known names that have no photos: chair" in caplog.text
    assert "a single photo, which counts as a miss, have: lamp" in caplog.text
    only_known = data / "known.txt"
    only_known.write_text("apple\n", encoding="utf-8")
    with pytest.raises(DataError, match="every absent name is trained or has photos"):
        evaluate(embedder, settings(data, absent=only_known))


def test_without_absent_names_the_keys_stay(data, embedder):
    without = evaluate(embedder, EvaluationSettings(images=data / "image"))
    nothing = {"far": None, "frr": None, "far_at_frr_05": None, "auroc": None, "n": 0}
    assert without["not_found"]["never_trained"]["audio"] == nothing
    assert without["not_found"]["never_trained"]["text"]["n"] == 0
    assert without["retrieval"]["audio_to_image"] == {"r1": None, "r5": None, "n": 0}
    assert without["not_found"]["known_absent"]["text"]["n"] == 5


def test_speech_of_absent_names_from_a_folder_of_its_own(data, embedder):
    alone = evaluate(embedder, settings(data, speech=None, absent_speech=data / "audio"))
    assert alone["not_found"]["never_trained"]["audio"]["n"] == 2 and alone["counts"]["speech"] == 0
    assert alone["not_found"]["never_trained"]["text"]["n"] == 1  # zeppelin, typed


def test_a_broken_photo_is_named_and_does_not_count(data, embedder, tmp_path, caplog):
    images = shutil.copytree(data / "image", tmp_path / "image")
    (images / "mug" / "cut.jpg").write_bytes((data / "image/mug/0.jpg").read_bytes()[:200])
    (images / "ghost").mkdir()
    (images / "ghost" / "empty.png").write_bytes(b"")
    broken = evaluate(embedder, settings(data, images=images))
    assert broken["counts"] == {"images": 21, "speech": 7, "classes": 5}
    assert [reason.split(":")[0] for reason in broken["details"]["unreadable"]] == [
        str(images / "ghost" / "empty.png"), str(images / "mug" / "cut.jpg")
    ]  # fmt: skip
    assert "2 of 23 photos files could not be read" in caplog.text
    for photo in images.glob("*/*"):
        photo.write_bytes(b"")
    with pytest.raises(DataError, match="none of 23 photos files can be read; the first: .*0 bytes"):
        evaluate(embedder, settings(data, images=images))


def test_a_silent_clip_is_named_and_does_not_count(data, embedder, tmp_path):
    speech = shutil.copytree(data / "audio", tmp_path / "audio")
    soundfile.write(speech / "mug" / "silent.wav", np.zeros(8000), 16000)
    broken = evaluate(embedder, settings(data, speech=speech))
    assert broken["counts"]["speech"] == 7
    assert broken["details"]["unreadable"][0].startswith(f"{speech / 'mug' / 'silent.wav'}: sound: silent")


def test_languages(data, embedder, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("en,ko\nCoffee pot,커피포트\n", encoding="utf-8")
    with pytest.raises(DataError, match="no speech in 'ko'"):
        evaluate(embedder, settings(data, language="ko"))
    korean = evaluate(embedder, settings(data, speech=None, language="ko", names=names))
    assert korean["counts"]["classes"] == 5
    names.write_text("en,ko\nCoffee pot,\n", encoding="utf-8")
    with pytest.raises(InvalidNames, match="coffee_pot: has no name in language 'ko'"):
        evaluate(embedder, settings(data, speech=None, language="ko", names=names))


def test_names_of_a_file_come_before_the_bundles(data, embedder, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("en,ko\nMug,\n", encoding="utf-8")
    plain = evaluate(embedder, settings(data, speech=None))
    again = evaluate(embedder, settings(data, speech=None, names=names))
    assert again["retrieval"] == plain["retrieval"]  # case does not change what is rendered
    assert again["details"]["settings"]["names"] == str(names)


def test_noise_is_mixed_at_the_ratio_asked_for_and_the_same_every_time(data, embedder, tmp_path):
    generator = np.random.default_rng(0)
    (tmp_path / "noise").mkdir()
    for i, rate in enumerate((16000, 44100)):
        stereo = generator.normal(0, 0.1, (3 * rate, 2)) * np.linspace(0.1, 1, 3 * rate)[:, None]
        soundfile.write(tmp_path / "noise" / f"{i}.wav", stereo, rate)
    speech, rate = read_sound(data / "audio" / "mug" / "en" / "0.wav")
    mixer = NoiseMixer(tmp_path / "noise", snr_db=5.0)
    noisy = mixer.mix(speech, rate, "mug/en/0.wav")
    ratio = np.mean(speech**2) / np.mean((noisy - speech) ** 2)
    assert 10 * np.log10(ratio) == pytest.approx(5.0, abs=0.01)
    assert np.array_equal(noisy, NoiseMixer(tmp_path / "noise", snr_db=5.0).mix(speech, rate, "mug/en/0.wav"))
    assert not np.array_equal(noisy, mixer.mix(speech, rate, "mug/en/1.wav"))
    loud = evaluate(embedder, settings(data, noise=tmp_path / "noise", snr_db=-10.0))
    again = evaluate(embedder, settings(data, noise=tmp_path / "noise", snr_db=-10.0))
    clean = evaluate(embedder, settings(data))
    assert loud["details"]["curves"] == again["details"]["curves"]
    assert loud["details"]["curves"]["known_absent"]["audio"] != clean["details"]["curves"]["known_absent"]["audio"]
    assert loud["details"]["curves"]["known_absent"]["text"] == clean["details"]["curves"]["known_absent"]["text"]


def test_noise_that_is_silent_or_missing_is_told(tmp_path):
    with pytest.raises(DataError, match="holds no noise"):
        NoiseMixer(tmp_path, 5.0)
    soundfile.write(tmp_path / "nothing.wav", np.zeros(16000), 16000)
    with pytest.raises(DataError, match="silent"):
        NoiseMixer(tmp_path, 5.0).mix(np.ones(100, np.float32), 16000, "clip")


@pytest.mark.parametrize("words", ["banana", "Royal Gala", "the  2nd cup", "사과", "x", "ㅁ"])
def test_a_typo_is_one_slip(words):
    slips = {perturb_text(words, "typo", seed) for seed in range(40)}
    assert words not in slips
    assert all(abs(len(slip) - len(words)) <= 1 and slip.strip() for slip in slips)
    assert len(slips) > 3 or len(words) < 3
    assert perturb_text(words, "typo") == perturb_text(words, "typo")


@pytest.mark.parametrize(
    ("words", "plural"),
    [
        ("banana", "bananas"), ("Royal Gala", "Royal Galas"), ("dish", "dishes"), ("pantry", "pantries"),
        ("key", "keys"),
        ("glass", "glasses"), ("Beef Tomato", "Beef Tomatoes"), ("Mouse", "Mice"), ("red-beet", "red-beets"),
        ("사과", "사과들"), ("studio 54", "studio 54"),
    ],
)  # fmt: skip
def test_plurals(words, plural):
    assert perturb_text(words, "plural") == plural


def test_case_changes_only_the_case():
    for words in ("mug", "MUG", "Mug"):
        assert perturb_text(words, "case") != words and perturb_text(words, "case").lower() == words.lower()
    assert perturb_text("사과", "case") == "사과"


def test_perturbed_names_are_asked_and_not_offered(data, embedder):
    plain, typed = (evaluate(embedder, settings(data, perturb=p)) for p in (None, "typo"))
    assert plain["details"]["curves"]["known_absent"]["text"] != typed["details"]["curves"]["known_absent"]["text"]
    assert plain["retrieval"]["image_to_text"] == typed["retrieval"]["image_to_text"]


def test_calibrate_and_evaluate_on_the_command_line(data, tmp_path, capsys):
    bundle = shutil.copytree(data / "bundle", tmp_path / "bundle")
    inputs = ["--bundle", str(bundle), "--images", str(data / "image"), "--speech", str(data / "audio")]
    absent = tmp_path / "distractors"
    shutil.copytree(data / "audio" / "zeppelin", absent / "zeppelin")
    assert main(["calibrate", *inputs, "--absent-speech", str(absent), "--json"]) == 0
    calibration = json.loads(capsys.readouterr().out)
    assert set(calibration) == {"text", "audio", "image"} and calibration != CALIBRATION
    out = tmp_path / "new" / "report.json"
    files = ["--out", str(out), "--per-class", str(out.with_suffix(".csv")), "--json"]
    assert main(["evaluate", *inputs, "--absent", str(data / "absent.txt"), *files]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(out.read_text())
    assert sorted(path.name for path in out.parent.iterdir()) == ["report.csv", "report.json"]
    with open(out.with_suffix(".csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["slug"] for row in rows] == sorted(PHOTOS)
    assert rows[0]["text_to_image_n"] == "1" and rows[0]["image_to_text_n"] == str(PHOTOS[rows[0]["slug"]])
    assert json.loads(out.read_text())["not_found"]["known_absent"]["audio"]["far"] is not None
    assert main(["calibrate", *inputs, "--absent", str(data / "absent.txt")]) == 1
    assert "absent words that the bundle knows: mug" in capsys.readouterr().err
    assert Embedder(bundle).bundle.calibration == calibration  # the failed calls changed nothing


def test_a_bundle_without_calibration_leaves_the_rates_empty(data, tmp_path, caplog):
    write_pixel_bundle(tmp_path / "bundle", NAMES)
    empty = evaluate(Embedder(tmp_path / "bundle"), settings(data))
    assert empty["not_found"]["known_absent"]["text"]["far"] is None
    assert empty["not_found"]["known_absent"]["text"]["auroc"] is not None
    assert "has no calibration" in caplog.text


def test_reports_in_the_model_card(report, data, tmp_path, capsys):
    bundle = shutil.copytree(data / "bundle", tmp_path / "bundle")
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    arguments = ["card", "--bundle", str(bundle), "--title", "A small room", "--command", "visual-byte evaluate ..."]
    parts = {"2x2": {"hit_rate": 0.625, "chance": 0.25, "cells": 4, "n": 40}}
    path.write_text(json.dumps({**report, "details": {**report["details"], "parts": parts}}))
    assert main([*arguments, "--int8", str(path), "--float32", str(path)]) == 0
    written = Embedder(bundle).bundle.metrics["A small room"]
    assert written["int8"]["retrieval"] == written["float32"]["retrieval"] == report["retrieval"]
    assert "details" not in written["int8"]  # it names folders of the machine that measured
    card = (bundle / "README.md").read_text(encoding="utf-8")
    assert "A small room" in card and "visual-byte evaluate ..." in card
    assert "| INT8 | 2x2 | 0.625 | 0.250 | 40 |" in card
    nothing = {"far": None, "frr": None, "far_at_frr_05": None, "auroc": None, "n": 0}
    path.write_text(json.dumps({**report, "not_found": {"never_trained": {"audio": nothing}}}))
    assert main([*arguments, "--int8", str(path)]) == 0
    assert Embedder(bundle).bundle.metrics["A small room"]["int8"]["not_found"] == {}
    path.write_text(json.dumps({**report, "not_found": {"never_trained": {"audio": {**nothing, "n": 3}}}}))
    assert main([*arguments, "--int8", str(path)]) == 1
    assert "measured without a calibration" in capsys.readouterr().err


def test_evaluate_never_loads_torch(data):
    arguments = ["evaluate", "--bundle", str(data / "bundle"), "--images", str(data / "image"), "--json"]
    script = (
        f"import sys; from visual_byte_core.cli import main; code = main({arguments});"
        "assert not {'torch', 'timm', 'matplotlib', 'sklearn', 'transformers'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["images"] == 21


def test_names_are_typed_in_the_languages_that_they_have():
    names = {"cup": ClassName("cup", "cup", "컵"), "oat_milk": ClassName("oat_milk", "Oat Milk")}
    assert spelled_where_known(["cup", "oat_milk", "own_thing"], names, "en") == [
        ("cup", "cup"),
        ("oat_milk", "Oat Milk"),
        ("own_thing", "own thing"),
    ]
    assert spelled_where_known(["cup", "oat_milk", "own_thing"], names, "ko") == [("cup", "컵")]
