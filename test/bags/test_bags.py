# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Bags made, replayed and judged without ROS."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from visual_byte_core.bags.compose import BagPlan, Event, compose
from visual_byte_core.bags.reading import Bag, find_pose_topic
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.cli import main
from visual_byte_core.errors import ConfigurationError, DataError, InvalidSound
from visual_byte_core.memory.pose_track import PoseLimits
from visual_byte_core.rendering.settings import PhotoSettings, RendererSettings
from visual_byte_testing.bags import SETTINGS, evaluated, sample_plan, write_photos, write_sample_bag

FILES = ("report.json", "queries.jsonl", "report.html")


@pytest.fixture(scope="module")
def walk(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample_bag(tmp_path_factory.mktemp("bag"), bundle)


@pytest.fixture(scope="module")
def out(walk: Path, bundle: Bundle) -> Path:
    evaluated(walk, bundle, walk.parent / "out", walk.with_name("walk.truth.csv"))
    return walk.parent / "out"


def records(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "queries.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_bag_holds_what_was_planned(walk: Path) -> None:
    with Bag(walk) as bag:
        assert [(topic.name, topic.type) for topic in bag.topics] == [
            ("/image", "sensor_msgs/msg/Image"),
            ("/pose", "geometry_msgs/msg/PoseStamped"),
            ("/query", "visual_byte/msg/Query"),
        ]
        messages = list(bag.messages(["/image", "/pose", "/query"]))
    assert [m.stamp for m in messages] == sorted(m.stamp for m in messages)
    frames = [m for m in messages if m.topic == "/image"]
    assert len(frames) == 8 + 4 + 4 + 4 and frames[0].stamp == 1_700_000_000.5
    poses = {m.stamp: m.message.pose.position.x for m in messages if m.topic == "/pose"}
    assert {frame.stamp: poses[frame.stamp] for frame in frames}[1_700_000_005.5] == 4.0


def test_every_query_is_judged_by_the_truth(out: Path) -> None:
    found = [(one["text"], one["status"], one["verdict"]) for one in records(out)]
    assert found == [
        ("1.png", "NOT_FOUND", "rightly not found"),
        ("1.png", "FOUND", "right"),
        ("1.png", "FOUND", "right"),
        ("1.png", "NOT_FOUND", "rightly not found"),
        ("chair", "NOT_FOUND", "missed"),
        ("banana", "NOT_FOUND", "rightly not found"),
        ("1.png", "FOUND", "right"),
    ]
    mug = records(out)[1]
    assert mug["time"] == 3.75 and mug["asked"] == ["mug"] and mug["rank"] == 1
    (match,) = mug["matches"]
    assert match["shows"] == ["mug"] and match["score"] == pytest.approx(1, abs=1e-3)
    assert (match["first_seen"], match["last_seen"], match["times"]) == (0.5, 2.25, 8)
    assert {one["memory"] for one in records(out)[-1]["matches"]} == {"m1", "m4"}


def test_the_report_has_the_shape_of_an_evaluation(out: Path, bundle: Bundle) -> None:
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["bundle"] == bundle.id
    assert report["counts"] == {
        "images": 20, "speech": 1, "classes": 4, "queries": 7, "found": 3, "not_found": 4, "rejected": 0
    }  # fmt: skip
    assert report["frames"] == {"remembered": 20, "merged": 16, "malformed": 0, "memories": 4, "poses": {}}
    assert report["retrieval"]["image_to_image"] == {"r1": 1.0, "r5": 1.0, "n": 3}
    assert report["retrieval"]["text_to_image"]["n"] == 1
    assert report["not_found"]["absent"]["image"] == {
        "far": 0.0, "frr": 0.0, "far_at_frr_05": 0.0, "auroc": 1.0, "n": 2
    }  # fmt: skip
    assert report["not_found"]["absent"]["text"]["frr"] == 1.0
    timing = json.loads((out / "timing.json").read_text())
    assert timing["frame_ms"]["n"] == 20 and timing["query_ms"]["p95"] > 0


def test_memories_take_the_poses_of_the_bag(walk: Path, bundle: Bundle, tmp_path: Path) -> None:
    with Bag(walk) as bag:
        assert find_pose_topic(bag) == "/pose" == find_pose_topic(bag, "pose")
        with pytest.raises(DataError, match="no topic odom"):
            find_pose_topic(bag, "odom")
    settings = dataclasses.replace(SETTINGS, pose="/pose", map_id="kitchen")
    report = evaluated(walk, bundle, tmp_path / "out", settings=settings)
    assert report["frames"]["poses"]["taken"] == 22
    match = records(tmp_path / "out")[-1]["matches"][0]
    assert match["map_id"] == "kitchen" and match["pose"][3:] == [0, 0, 0, 1]
    elsewhere = dataclasses.replace(settings, pose_limits=PoseLimits(frame_id="odom"))
    report = evaluated(walk, bundle, tmp_path / "other", settings=elsewhere)
    assert report["frames"]["poses"] == {"in another frame": 22}
    assert records(tmp_path / "other")[-1]["matches"][0]["pose"] is None


def test_the_same_bag_gives_the_same_bytes(walk: Path, bundle: Bundle, out: Path, tmp_path: Path) -> None:
    evaluated(walk, bundle, tmp_path, walk.with_name("walk.truth.csv"))
    assert {name: (tmp_path / name).read_bytes() == (out / name).read_bytes() for name in FILES} == dict.fromkeys(
        FILES, True
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "timing.json"])


def test_sqlite3_gives_the_same_answers_as_mcap(bundle: Bundle, out: Path, tmp_path: Path) -> None:
    path = write_sample_bag(tmp_path, bundle, "sqlite3")
    assert (path / "walk.db3").is_file()
    evaluated(path, bundle, tmp_path / "out", tmp_path / "walk.truth.csv")
    assert [(tmp_path / "out" / name).read_bytes() == (out / name).read_bytes() for name in FILES] == [True] * 3


def test_the_page_needs_nothing_else(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert len(sources) > 7 and all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "http" not in page and "@import" not in page and "url(" not in page
    assert page.count("<article>") == 7 and page.endswith("</html>\n")


def test_words_of_a_bag_are_no_markup(bundle: Bundle, tmp_path: Path) -> None:
    plan = BagPlan((Event(at=0.0, text="<script>alert(1)</script>"), Event(at=1.0, show="mug/1.png")))
    evaluated(write_sample_bag(tmp_path, bundle, plan=plan), bundle, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page


def test_without_a_truth_nothing_is_judged(walk: Path, bundle: Bundle, tmp_path: Path) -> None:
    report = evaluated(walk, bundle, tmp_path)
    assert report["verdicts"] == {} and report["retrieval"]["image_to_image"] == {"r1": None, "r5": None, "n": 0}
    assert "verdict" not in records(tmp_path)[0] and "shows" not in records(tmp_path)[1]["matches"][0]


def test_a_query_for_another_bundle_is_rejected(walk: Path, bundle: Bundle, tmp_path: Path) -> None:
    renderer = RendererSettings(size=bundle.size, photo=PhotoSettings(fit="letterbox"))
    report = evaluated(walk, dataclasses.replace(bundle, renderer=renderer), tmp_path)
    assert report["counts"]["rejected"] == 2  # typed and spoken; photos are rendered here
    (reason,) = {one["reason"] for one in records(tmp_path) if one["status"] == "REJECTED"}
    assert "give all nodes the same `bundle`" in reason


def test_the_commands(bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_photos(tmp_path / "photos")
    made = ["make-bag", "--photos", str(tmp_path / "photos"), "--absent", "harp", "--bundle", str(bundle.path)]
    assert main([*made, "--out", str(tmp_path / "walk"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["events"] == 3 + 3 + 1
    truth = str(tmp_path / "walk.truth.csv")
    replay = ["eval-bag", str(tmp_path / "walk"), "--bundle", str(bundle.path), "--out", str(tmp_path / "out")]
    assert main([*replay, "--truth", truth]) == 0
    assert "6 frames, 3 memories, 4 queries" in capsys.readouterr().out
    assert main([*made, "--out", str(tmp_path / "walk")]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["eval-bag", str(tmp_path / "none"), *replay[2:]]) == 1
    assert "no such bag" in capsys.readouterr().err


def test_regions_of_frames_are_remembered_if_asked_for(
    walk: Path, bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replay = ["eval-bag", str(walk), "--bundle", str(bundle.path), "--out", str(tmp_path)]
    assert main([*replay, "--regions", "--max-regions", "2", "--region-size", "0.8", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["details"]["settings"]["regions"] == {"max_count": 2, "size": 0.8, "max_cosine": 0.5}
    assert 4 < report["frames"]["memories"] <= 4 * 3
    assert any(match["region"] for one in records(tmp_path) for match in one["nearest"])
    for wrong, reason in (
        (["--max-regions", "2"], "--max-regions and --region-size need --regions"),
        (["--regions", "--region-size", "1.5"], "got 6 of size 1.5"),
    ):
        try:
            code = main([*replay, *wrong])
        except SystemExit as ended:
            code = int(str(ended.code))
        assert code == 2 and reason in capsys.readouterr().err


def test_a_replay_that_is_ended_leaves_nothing_behind(bundle: Bundle, tmp_path: Path) -> None:
    plan = BagPlan((Event(at=0.0, text="mug"), Event(at=0.0, show="mug/1.png", seconds=30.0)), rate=30.0)
    bag = write_sample_bag(tmp_path, bundle, plan=plan)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "visual_byte_core", "eval-bag", str(bag), "--bundle", str(bundle.path)]
    with subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while process.poll() is None and not list(out.glob(".eval-bag-*/memory/store")):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
    assert process.returncode == 1 and "interrupted" in said and "Traceback" not in said
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"at": 0.0}, "expected one of show, text, speech, picture, pose"),
        ({"at": 0.0, "text": "mug", "show": "mug/1.png"}, "expected one of"),
        ({"at": -1.0, "text": "mug"}, "times are from 0"),
        ({"at": 0.0, "pose": (1.0, 2.0)}, "3 or 7 numbers, got 2"),
    ],
)
def test_an_event_that_says_too_little_or_too_much(event: dict, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        Event(**event)


def test_a_plan_with_a_photo_or_a_voice_that_is_not_there(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="event at 2 s: .*nothing.jpg: no such photo"):
        compose(BagPlan((Event(at=2.0, show="nothing.jpg"),)), bundle, tmp_path / "a", folder=tmp_path)
    soundfile.write(tmp_path / "silence.wav", np.zeros(8000, np.float32), 16000)
    with pytest.raises(InvalidSound, match="silence.wav: sound: silent, every sample is 0"):
        compose(BagPlan((Event(at=2.0, speech="silence.wav"),)), bundle, tmp_path / "b", folder=tmp_path)


def test_it_runs_without_ros(walk: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from visual_byte_core.bags import report, compose, reading;"
        "list(reading.Bag(Path(sys.argv[1])).messages(['/query'])); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(walk)], capture_output=True, text=True, check=True)
    assert not {"rclpy", "sensor_msgs", "visual_byte", "torch", "matplotlib", "sklearn"} & set(done.stdout.split())


def test_the_sample_plan_is_a_yaml_file_too(bundle: Bundle, walk: Path, tmp_path: Path) -> None:
    write_photos(tmp_path)
    events = [{k: list(v) if k == "pose" else v for k, v in dataclasses.asdict(e).items() if v or k == "at"}
              for e in sample_plan().events]  # fmt: skip
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump({"rate": 4.0, "events": events}), encoding="utf-8")
    command = ["make-bag", "--config", str(tmp_path / "plan.yaml"), "--bundle", str(bundle.path)]
    assert main([*command, "--out", str(tmp_path / "walk")]) == 0
    assert (tmp_path / "walk.truth.csv").read_bytes() == walk.with_name("walk.truth.csv").read_bytes()
    assert (tmp_path / "walk" / "walk.mcap").read_bytes() == (walk / "walk.mcap").read_bytes()
