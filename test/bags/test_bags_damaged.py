# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Bags that were cut off, of other software or another version, with clocks that jump, and truth files with errors."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from visual_byte_core.bags.compose import BagPlan, Event
from visual_byte_core.bags.definitions import message_folder, new_message
from visual_byte_core.bags.reading import Bag, find_topic
from visual_byte_core.bags.truth import read_truth
from visual_byte_core.bags.writing import BagWriter
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.cli import main
from visual_byte_core.errors import DataError
from visual_byte_testing.bags import SETTINGS, evaluated, write_sample_bag

IMAGE, QUERY = "sensor_msgs/msg/Image", "visual_byte/msg/Query"


@pytest.fixture(scope="module")
def walk(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample_bag(tmp_path_factory.mktemp("bag"), bundle)


@pytest.fixture(scope="module")
def sqlite_walk(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample_bag(tmp_path_factory.mktemp("sqlite"), bundle, "sqlite3")


def cut(bag: Path, folder: Path, share: float) -> Path:
    """A copy of the bag whose data end after a share of their bytes."""
    shutil.copytree(bag, folder / "cut")
    (data,) = (path for path in (folder / "cut").iterdir() if path.suffix in (".mcap", ".db3"))
    data.write_bytes(data.read_bytes()[: int(share * data.stat().st_size)])
    return folder / "cut"


def stamps(path: Path) -> list[float]:
    with Bag(path) as bag:
        return [received.stamp for received in bag.messages(["/image", "/query"])]


@pytest.mark.parametrize("share", [0.15, 0.5, 0.9])
def test_of_an_mcap_bag_that_was_cut_the_whole_messages_are_read(walk: Path, tmp_path: Path, share: float) -> None:
    whole = stamps(walk)
    path = cut(walk, tmp_path, share)
    found = stamps(path)
    assert found == whole[: len(found)] and abs(len(found) - share * len(whole)) <= 2
    with Bag(path) as bag:
        assert "cut: the bag has no proper end" in bag.cut and "it was to hold 49 messages" in bag.cut
        assert 0 < bag.lost_bytes < 70_000  # one frame at most


def test_of_an_mcap_file_alone_too(walk: Path, tmp_path: Path) -> None:
    file = cut(walk, tmp_path, 0.5) / "walk.mcap"
    found = stamps(file)
    assert found == stamps(walk)[: len(found)] and len(found) > 10


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_of_a_sqlite3_bag_that_was_cut_too(sqlite_walk: Path, tmp_path: Path, share: float) -> None:
    path = cut(sqlite_walk, tmp_path, share)
    found = stamps(path)
    whole = stamps(sqlite_walk)
    assert found == whole[: len(found)] and abs(len(found) - share * len(whole)) <= 3
    with Bag(path) as bag:
        size = (sqlite_walk / "walk.db3").stat().st_size
        assert bag.lost_bytes == size - (path / "walk.db3").stat().st_size and f"{bag.lost_bytes} bytes" in bag.cut


def test_a_bag_without_its_metadata_is_read(walk: Path, tmp_path: Path) -> None:
    shutil.copytree(walk, tmp_path / "walk")
    (tmp_path / "walk" / "metadata.yaml").unlink()
    assert stamps(tmp_path / "walk") == stamps(walk)


def test_the_report_says_what_was_lost(
    walk: Path, bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "visual_byte"):
        report = evaluated(cut(walk, tmp_path, 0.5), bundle, tmp_path / "out")
    assert report["bag"]["lost_bytes"] > 0 and report["bag"]["cut"] in caplog.text
    assert report["bag"]["cut"] in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "content"), [("a.mcap", b"no bag"), ("a.db3", b"no bag"), ("a.db3", b""), ("a.txt", b"")]
)
def test_a_file_that_is_no_bag(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: .*(MCAP|no bag that can be read)"):
        Bag(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no bag that can be read"):
        Bag(tmp_path / "empty")


def test_a_bag_without_our_topics_says_which_it_has(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with BagWriter(tmp_path / "other") as writer:
        writer.write("/robot/image", IMAGE, 1, new_message(IMAGE))
        writer.write("/left/query", QUERY, 1, new_message(QUERY))
        writer.write("/right/query", QUERY, 1, new_message(QUERY))
        writer.write("/scan", "std_msgs/msg/String", 2, new_message("std_msgs/msg/String"))
    with Bag(tmp_path / "other") as bag:
        assert find_topic(bag, "image") == "/robot/image"
        assert find_topic(bag, "query", "left/query") == "/left/query"
        with pytest.raises(DataError, match="several topics query: /left/query, /right/query; choose one with --query"):
            find_topic(bag, "query")
        with pytest.raises(DataError, match=r"no topic pose .*/scan \(std_msgs/msg/String\)"):
            find_topic(bag, "pose")
    command = ["eval-bag", str(tmp_path / "other"), "--bundle", str(bundle.path), "--out", str(tmp_path / "out")]
    assert main([*command, "--image", "/camera"]) == 1
    assert (
        "no topic /camera of type sensor_msgs/msg/Image or sensor_msgs/msg/CompressedImage; it has: "
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("plugin", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (
            "string renderer",
            "string digest",
            "its field renderer .* is missing, here it is string",
        ),
        ("string id ", "uint32 id ", "its field id of visual_byte/msg/Query is uint32, here it is string"),
        (
            "string language",
            "string language\nfloat32 loudness",
            "its field loudness .* is float32, here .* missing",
        ),
    ],
)
def test_another_version_of_a_message(
    bundle: Bundle, tmp_path: Path, plugin: StoragePlugin, before: str, after: str, reason: str
) -> None:
    definition = (message_folder() / "Query.msg").read_text()
    assert before in definition
    types = get_typestore(Stores.ROS2_JAZZY)
    types.register(get_types_from_msg(definition.replace(before, after), QUERY))
    with Writer(tmp_path / "old", version=8, storage_plugin=plugin) as writer:
        writer.add_connection("/image", IMAGE, typestore=types)
        writer.add_connection("/query", QUERY, typestore=types)
    with pytest.raises(DataError, match=f"old: topic /query: another version of {QUERY}: {reason}; read it with"):
        evaluated(tmp_path / "old", bundle, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_stamps_that_jump_back(bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_sample_bag(tmp_path, bundle)
    with Bag(path) as bag, BagWriter(tmp_path / "jumped") as writer:
        for number, received in enumerate(bag.messages(["/image", "/query"])):
            if received.topic == "/image" and number > 10:
                received.message.header.stamp.sec -= 1000
            writer.write(
                received.topic, IMAGE if received.topic == "/image" else QUERY, round(received.seconds * 1e9),
                received.message,
            )  # fmt: skip
    with caplog.at_level(logging.WARNING, "visual_byte"):
        report = evaluated(tmp_path / "jumped", bundle, tmp_path / "out")
    assert report["bag"]["jumped_back"] == {"/image": 1} and report["counts"]["queries"] == 7
    assert "the stamps of /image jump back by 99" in caplog.text


def test_messages_that_do_not_fit_their_definition_are_left_out(walk: Path, bundle: Bundle, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "odd") as writer:
        writer.write("/image", IMAGE, 10**9, new_message(IMAGE))  # 0 x 0 pixels
        writer.write_raw("/image", IMAGE, 2 * 10**9, b"\x00\x01\x00\x00abc")
        writer.write("/query", QUERY, 3 * 10**9, new_message(QUERY, id="q"))
    report = evaluated(tmp_path / "odd", bundle, tmp_path / "out")
    assert report["frames"]["malformed"] == 1 and report["bag"]["malformed_messages"] == 1
    assert report["counts"]["rejected"] == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "line 1: no column kind, id, from, to, label"),
        ("kind,id,from,to\n", "line 1: no column label; expected the header kind,id,from,to,label"),
        ("kind,id,from,to,label\nframe,,0,1\n", "line 2: 4 cells, expected 5"),
        ("kind,id,from,to,label\nphoto,,0,1,mug\n", "line 2: kind is 'photo', expected frame or query"),
        ("kind,id,from,to,label\n\nframe,,0,1,\n", "line 3: no label"),
        ("kind,id,from,to,label\nframe,,1,1,mug\n", "line 2: from 1 to 1 is no span"),
        ("kind,id,from,to,label\nframe,,zero,1,mug\n", "line 2: expected from and to in seconds"),
        ("kind,id,from,to,label\nframe,,0,1,absent\n", "line 2: `absent` stands alone"),
        ("kind,id,from,to,label\nquery,,,,absent\n", "line 2: expected an id, or from and to"),
        (
            "kind,id,from,to,label\nframe,,0,1,mug\nquery,q,,,mgu\n",
            "line 3: no frame row shows 'mgu'; frames show mug; write `absent`",
        ),
        ("kind,id,from,to,label\nquery,q,,,absent\nquery,q,,,absent\n", "line 3: query 'q' is in line 2 already"),
    ],
)
def test_a_truth_file_with_an_error(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "truth.csv").write_text(content)
    with pytest.raises(DataError, match=f"truth.csv: {reason}"):
        read_truth(tmp_path / "truth.csv")


def test_a_truth_file_for_another_bag(walk: Path, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("kind,id,from,to,label\nframe,,0,1,mug\nquery,query-9999,,,mug\n")
    with pytest.raises(DataError, match="truth.csv: line 3: the bag has no query with id 'query-9999'"):
        evaluated(walk, bundle, tmp_path / "out", tmp_path / "truth.csv")


def test_spans_of_a_truth_file(tmp_path: Path) -> None:
    rows = ["kind,id,from,to,label", "frame,,0,10,room", "frame,,2,3,mug|cup", "query,,5,6,mug", "query,,6,7,absent"]
    (tmp_path / "truth.csv").write_text("\r\n".join(rows), encoding="utf-8-sig")
    truth = read_truth(tmp_path / "truth.csv")
    assert truth.shown(2.0) == {"room", "mug", "cup"} and truth.shown(3.0) == {"room"} and truth.shown(10.0) == set()
    assert truth.asked("any", 5.5) == {"mug"} and truth.asked("any", 6.0) == set() and truth.asked("any", 8.0) is None


def test_memory_does_not_grow_with_the_bag(bundle: Bundle, tmp_path: Path) -> None:
    """40 MB of frames are never held together."""
    import tracemalloc

    plan = BagPlan((Event(at=0.0, show="mug/1.png", seconds=700.0),), rate=1.0)
    path = write_sample_bag(tmp_path, bundle, plan=plan)
    size = sum(file.stat().st_size for file in path.iterdir())
    tracemalloc.start()
    with Bag(path) as bag:
        frames = sum(1 for _ in bag.messages([SETTINGS.image]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert frames == 700 and size > 40_000_000 and peak < size / 5
