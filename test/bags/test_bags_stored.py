# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Bags as robots, copies and other programs leave them: all messages that are there are read, all others counted."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from pathlib import Path

import numpy as np
import pytest
import yaml
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer

from visual_byte_core.bags.compose import BagPlan, Event, compose, plan_of_folders
from visual_byte_core.bags.definitions import message_types, new_message
from visual_byte_core.bags.mcap_file import CHUNK, CHUNK_HEAD, MAGIC, RECORD
from visual_byte_core.bags.reading import Bag, find_topic
from visual_byte_core.bags.writing import BagWriter
from visual_byte_core.bundle.bundle import Bundle
from visual_byte_core.cli import main
from visual_byte_core.errors import DataError
from visual_byte_core.messages.topic_types import COMPRESSED, IMAGE, QUERY
from visual_byte_testing.bags import evaluated, write_photos, write_sample_bag
from visual_byte_testing.paths import BANANA

TOPICS = ["/image", "/query"]
BOTH = [StoragePlugin.MCAP, StoragePlugin.SQLITE3]


@pytest.fixture(scope="module")
def walk(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample_bag(tmp_path_factory.mktemp("stored"), bundle)


def raw(path: Path) -> list[tuple]:
    with Reader(path) as reader:
        return [(connection, at, bytes(data)) for connection, at, data in reader.messages()]


def rewritten(messages: list[tuple], out: Path, plugin: StoragePlugin, **how: object) -> Path:
    """The same messages as another recorder writes them."""
    writer = Writer(out, version=9 if plugin == StoragePlugin.MCAP else 8, storage_plugin=plugin)
    if how:
        writer.set_compression(**how)
    with writer:
        known: dict = {}
        for connection, at, data in messages:
            if connection.topic not in known:
                known[connection.topic] = writer.add_connection(
                    connection.topic, connection.msgtype, msgdef=connection.msgdef.data, rihs01=connection.digest,
                    offered_qos_profiles=connection.ext.offered_qos_profiles,
                )  # fmt: skip
            writer.write(known[connection.topic], at, data)
    return out


def stamps(path: Path) -> list[float]:
    with Bag(path) as bag:
        return [received.stamp for received in bag.messages(TOPICS)]


def what_is_missing(path: Path) -> str:
    with Bag(path) as bag:
        list(bag.messages(TOPICS))
        return bag.cut


@pytest.mark.parametrize("plugin", BOTH)
def test_splits_without_metadata_are_read_in_the_order_of_their_start(
    walk: Path, tmp_path: Path, plugin: StoragePlugin
) -> None:
    """By their names split 10 would come before split 2."""
    messages = raw(walk)
    (tmp_path / "killed").mkdir()
    for i in range(12):
        piece = rewritten(messages[i * len(messages) // 12 : (i + 1) * len(messages) // 12], tmp_path / "one", plugin)
        (data,) = (path for path in piece.iterdir() if path.suffix in (".mcap", ".db3"))
        shutil.move(data, tmp_path / "killed" / f"killed_{i}{data.suffix}")
        shutil.rmtree(piece)
    with Bag(tmp_path / "killed") as bag:
        found = [received.stamp for received in bag.messages(TOPICS)]
        assert found == stamps(walk) and not bag.jumped_back and not bag.cut


@pytest.mark.parametrize("plugin", BOTH)
def test_metadata_whose_qos_was_edited_still_gives_every_message(
    walk: Path, tmp_path: Path, plugin: StoragePlugin
) -> None:
    path = rewritten(raw(walk), tmp_path / "edited", plugin)
    metadata = yaml.safe_load((path / "metadata.yaml").read_text())
    for topic in metadata["rosbag2_bagfile_information"]["topics_with_message_count"]:
        topic["topic_metadata"]["offered_qos_profiles"] = []
        topic["topic_metadata"]["type_description_hash"] = "RIHS01_" + "0" * 64
    (path / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    assert stamps(path) == stamps(walk) and not what_is_missing(path)


@pytest.mark.parametrize(
    "content", ["", "nothing: [", "rosbag2_bagfile_information: 3", "rosbag2_bagfile_information: {}"]
)
def test_metadata_that_are_none_cost_nothing(walk: Path, tmp_path: Path, content: str) -> None:
    shutil.copytree(walk, tmp_path / "walk")
    (tmp_path / "walk" / "metadata.yaml").write_text(content)
    assert stamps(tmp_path / "walk") == stamps(walk)


@pytest.mark.parametrize("plugin", BOTH)
def test_a_topic_of_which_nothing_can_be_read_is_an_error(walk: Path, tmp_path: Path, plugin: StoragePlugin) -> None:
    path = rewritten([one for one in raw(walk) if one[0].topic != "/image"], tmp_path / "less", plugin)
    shutil.copyfile(walk / "metadata.yaml", path / "metadata.yaml")
    with Bag(path) as bag, pytest.raises(DataError, match=r"/image: none of its \d+ messages can be read"):
        list(bag.messages(TOPICS))


def test_what_is_promised_and_not_there_is_counted(walk: Path, bundle: Bundle, tmp_path: Path) -> None:
    messages = raw(walk)
    path = rewritten(messages[: len(messages) // 2], tmp_path / "half", StoragePlugin.MCAP)
    shutil.copyfile(walk / "metadata.yaml", path / "metadata.yaml")
    report = evaluated(path, bundle, tmp_path / "out")
    assert "messages on /image are missing" in report["bag"]["cut"]


def test_a_split_that_is_missing_is_named(walk: Path, tmp_path: Path) -> None:
    shutil.copytree(walk, tmp_path / "walk")
    text = (tmp_path / "walk" / "metadata.yaml").read_text()
    assert "walk.mcap" in text
    (tmp_path / "walk" / "walk.mcap").rename(tmp_path / "walk" / "walk_1.mcap")
    assert "walk.mcap, which its metadata.yaml names, is missing" in what_is_missing(tmp_path / "walk")


def test_the_log_of_a_sqlite3_bag_is_read(walk: Path, tmp_path: Path) -> None:
    """A recorder that was killed leaves what it wrote last in the -wal file beside its database."""
    path = rewritten(raw(walk)[:1], tmp_path / "wal", StoragePlugin.SQLITE3)
    (path / "metadata.yaml").unlink()
    database = sqlite3.connect(path / "wal.db3", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA wal_autocheckpoint=0")
    topics = dict(database.execute("SELECT name, id FROM topics"))
    for number, (connection, at, data) in enumerate(raw(walk)[1:], 100):
        if connection.topic not in topics:
            topics[connection.topic] = len(topics) + 1
            database.execute(
                "INSERT INTO topics VALUES (?, ?, ?, 'cdr', '', '')",
                (topics[connection.topic], connection.topic, connection.msgtype),
            )
        database.execute("INSERT INTO messages VALUES (?, ?, ?, ?)", (number, topics[connection.topic], at, data))
    shutil.copytree(path, tmp_path / "copy", ignore=shutil.ignore_patterns("*-shm"))
    database.close()
    assert (tmp_path / "copy" / "wal.db3-wal").stat().st_size > 10_000
    before = sorted(file.name for file in (tmp_path / "copy").iterdir())
    assert stamps(tmp_path / "copy") == stamps(walk)
    assert sorted(file.name for file in (tmp_path / "copy").iterdir()) == before


@pytest.mark.parametrize("plugin", BOTH)
@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
@pytest.mark.parametrize("metadata", [True, False])
def test_packed_bags_are_read_with_and_without_metadata(
    walk: Path, tmp_path: Path, plugin: StoragePlugin, mode: CompressionMode, metadata: bool
) -> None:
    path = rewritten(raw(walk), tmp_path / "packed", plugin, mode=mode, fmt=CompressionFormat.ZSTD)
    if not metadata:
        (path / "metadata.yaml").unlink()
    assert stamps(path) == stamps(walk) and not what_is_missing(path)


def test_a_packed_file_that_breaks_off_says_so(walk: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    messages = [(c, at, data[:200] + noise.bytes(len(data) - 200)) if c.topic == "/image" else (c, at, data)
                for c, at, data in raw(walk)]  # fmt: skip
    path = rewritten(
        messages, tmp_path / "packed", StoragePlugin.MCAP, mode=CompressionMode.FILE, fmt=CompressionFormat.ZSTD
    )
    (data,) = path.glob("*.zstd")
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    assert "the packed file breaks off" in what_is_missing(path) and len(stamps(path)) > 5


def text(value: str | bytes) -> bytes:
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<I", len(data)) + data


def record(kind: int, content: bytes) -> bytes:
    return RECORD.pack(kind, len(content)) + content


def mcap(messages: list[tuple], *, profile: str = "ros2", foreign: bool = False) -> bytes:
    """A plain MCAP without index; foreign: with a channel of JSON before the others."""
    content, known = MAGIC + record(1, text(profile) + text("field")), dict[str, int]()
    if foreign:
        schema = struct.pack("<H", 9) + text("robot.State") + text("jsonschema") + text('{"type":"object"}')
        content += record(3, schema)
        content += record(4, struct.pack("<HH", 9, 9) + text("/state") + text("json") + bytes(4))
        content += record(5, struct.pack("<HIQQ", 9, 0, messages[0][1], 0) + b"{}")
    for connection, at, data in messages:
        if connection.topic not in known:
            number = known[connection.topic] = len(known) + 1
            definition = text(connection.msgtype) + text("ros2msg") + text(connection.msgdef.data)
            content += record(3, struct.pack("<H", number) + definition)
            content += record(4, struct.pack("<HH", number, number) + text(connection.topic) + text("cdr") + bytes(4))
        content += record(5, struct.pack("<HIQQ", known[connection.topic], 0, at, at) + data)
    return content + record(15, bytes(4)) + record(2, bytes(20)) + MAGIC


@pytest.mark.parametrize("profile", ["ros2", "", "other"])
def test_a_channel_of_another_program_costs_that_channel_and_is_named(
    walk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, profile: str
) -> None:
    (tmp_path / "a.mcap").write_bytes(mcap(raw(walk), profile=profile, foreign=True))
    with caplog.at_level("INFO", "visual_byte"):
        assert stamps(tmp_path / "a.mcap") == stamps(walk)
    assert "/state is left out: its messages are json" in caplog.text
    with Bag(tmp_path / "a.mcap") as bag, pytest.raises(DataError, match="topic /state: its messages are json"):
        find_topic(bag, "query", "/state")


def test_messages_out_of_order_in_a_file_come_in_the_order_of_their_times(walk: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mcap").write_bytes(mcap(list(reversed(raw(walk)))))
    assert stamps(tmp_path / "a.mcap") == stamps(walk)


def test_a_damaged_chunk_costs_what_is_in_it_and_is_told(bundle: Bundle, tmp_path: Path) -> None:
    plan = BagPlan((Event(at=0.0, show="mug/1.png", seconds=200.0),), rate=1.0)
    path = write_sample_bag(tmp_path, bundle, plan=plan)
    whole = len(stamps_of_frames(path))
    file = next(path.glob("*.mcap"))
    content = bytearray(file.read_bytes())
    chunks = chunks_of(content)
    assert len(chunks) > 4
    start, _ = chunks[2]
    content[start + RECORD.size + CHUNK_HEAD.size + 4 + 8 + 8] = 0x7F  # the length of the first record in it
    file.write_bytes(content)
    with Bag(path) as bag:
        found = [received.stamp for received in bag.messages(["/image"])]
        assert 0 < whole - len(found) < whole / 2
        assert (
            "a chunk at byte" in bag.cut
            and f"{whole - len(found)} of {whole} messages on /image are missing" in bag.cut
        )


def test_behind_a_record_whose_length_is_damaged_the_index_leads_on(bundle: Bundle, tmp_path: Path) -> None:
    plan = BagPlan((Event(at=0.0, show="mug/1.png", seconds=200.0),), rate=1.0)
    path = write_sample_bag(tmp_path, bundle, plan=plan)
    whole = len(stamps_of_frames(path))
    file = next(path.glob("*.mcap"))
    content = bytearray(file.read_bytes())
    start, _ = chunks_of(content)[2]
    content[start + 8] = 0x7F  # the highest byte of its length
    content[start + RECORD.size + CHUNK_HEAD.size + 4 + 8 + 8] = 0x7F  # and that of its first record
    file.write_bytes(content)
    with Bag(path) as bag:
        found = [received.stamp for received in bag.messages(["/image"])]
        assert whole / 2 < len(found) < whole and bag.lost_bytes > 0 and "are missing" in bag.cut


def stamps_of_frames(path: Path) -> list[float]:
    with Bag(path) as bag:
        return [received.stamp for received in bag.messages(["/image"])]


def chunks_of(content: bytes) -> list[tuple[int, int]]:
    """Where each chunk's record begins, and how long it is."""
    at, found = len(MAGIC), []
    while at + RECORD.size <= len(content):
        kind, length = RECORD.unpack_from(content, at)
        if kind == CHUNK and length > CHUNK_HEAD.size:
            found.append((at, RECORD.size + length))
        at += RECORD.size + length
    return found


def test_a_bag_of_ros_1_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "old.bag").write_bytes(b"#ROSBAG V2.0\n")
    for path in (tmp_path, tmp_path / "old.bag"):
        with pytest.raises(DataError, match="old.bag is of ROS 1: convert it with rosbags-convert"):
            Bag(path)


@pytest.mark.parametrize("first", [0, 10**8, -2 * 10**9])
def test_a_simulated_clock_is_kept_also_where_it_is_zero(walk: Path, tmp_path: Path, first: int) -> None:
    types, messages = message_types(), raw(walk)
    begin = messages[0][1]
    moved = []
    for connection, at, data in messages:
        message = types.deserialize_cdr(data, connection.msgtype)
        stamp = message.header.stamp
        stamp.sec, stamp.nanosec = divmod(at - begin + first, 10**9)
        moved.append((connection, at, bytes(types.serialize_cdr(message, connection.msgtype))))
    path = rewritten(moved, tmp_path / "simulated", StoragePlugin.MCAP)
    with Bag(path) as bag:
        found = [received.stamp for received in bag.messages(TOPICS)]
        assert not bag.jumped_back and found[0] == pytest.approx(first / 1e9)
        assert found[-1] - found[0] == pytest.approx(stamps(walk)[-1] - stamps(walk)[0])


def test_a_topic_without_any_stamp_gets_the_recorders(walk: Path, tmp_path: Path) -> None:
    types = message_types()
    plain = []
    for connection, at, data in raw(walk):
        message = types.deserialize_cdr(data, connection.msgtype)
        message.header.stamp.sec = message.header.stamp.nanosec = 0
        plain.append((connection, at, bytes(types.serialize_cdr(message, connection.msgtype))))
    assert stamps(rewritten(plain, tmp_path / "plain", StoragePlugin.MCAP)) == pytest.approx(stamps(walk))


def test_topics_of_two_clocks_are_told(walk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    types = message_types()
    mixed = []
    for connection, at, data in raw(walk):
        message = types.deserialize_cdr(data, connection.msgtype)
        if connection.topic == "/image":
            message.header.stamp.sec -= 1_600_000_000
        mixed.append((connection, at, bytes(types.serialize_cdr(message, connection.msgtype))))
    with caplog.at_level("WARNING", "visual_byte"):
        stamps(rewritten(mixed, tmp_path / "mixed", StoragePlugin.MCAP))
    assert "the stamps of /image begin 50.7 years before the recorder's clock" in caplog.text
    assert "the stamps of /query begin 50.7 years after those of /image" in caplog.text


@pytest.mark.parametrize("topic", ["/image/compressed", "/camera/image_raw/compressed"])
def test_compressed_frames_are_evaluated_as_the_node_takes_them(
    bundle: Bundle, tmp_path: Path, topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photos(tmp_path / "photos")
    events = (Event(at=0.0, show="mug/1.png", seconds=2.0), Event(at=2.5, picture="mug/1.png", expect="mug"))
    plan = BagPlan(events, image_transport="compressed")
    compose(plan, bundle, tmp_path / "bag", folder=tmp_path / "photos")
    with BagWriter(tmp_path / "renamed") as writer, Bag(tmp_path / "bag") as bag:
        for received in bag.messages(["/image/compressed", "/query"]):
            kind = COMPRESSED if received.topic == "/image/compressed" else QUERY
            name = topic if received.topic == "/image/compressed" else received.topic
            writer.write(name, kind, round(received.seconds * 1e9), received.message)
    command = ["eval-bag", str(tmp_path / "renamed"), "--bundle", str(bundle.path), "--out", str(tmp_path / "out")]
    assert main([*command, "--truth", str(tmp_path / "bag.truth.csv")]) == 0
    shown = capsys.readouterr()
    assert "4 frames, 1 memories, 1 queries" in shown.out and "right: 1" in shown.out
    assert main([*command, "--image", topic]) == 0


def test_half_of_a_bag_is_removed(bundle: Bundle, tmp_path: Path) -> None:
    write_photos(tmp_path)
    (tmp_path / "mug" / "2.png").write_bytes(b"no picture")
    plan = BagPlan((Event(at=0.0, show="mug/1.png"), Event(at=1.0, show="mug/2.png")))
    with pytest.raises(Exception, match="2.png"):
        compose(plan, bundle, tmp_path / "bag", folder=tmp_path)
    assert not (tmp_path / "bag").exists() and not (tmp_path / "bag.truth.csv").exists()
    compose(BagPlan((Event(at=0.0, show="mug/1.png"),)), bundle, tmp_path / "bag", folder=tmp_path)
    with pytest.raises(DataError, match="no bag can be written there"):
        compose(BagPlan((Event(at=0.0, show="mug/1.png"),)), bundle, tmp_path / "bag", folder=tmp_path)
    assert (tmp_path / "bag" / "metadata.yaml").exists()  # what was there before stays


def test_a_bag_with_nothing_to_evaluate_is_an_error(bundle: Bundle, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "empty") as writer:
        writer.write("/image", IMAGE, 1, new_message(IMAGE))
        writer.write("/other/query", QUERY, 1, new_message(QUERY))
    with Bag(tmp_path / "empty") as bag:
        assert find_topic(bag, "image") == "/image"
    with Writer(tmp_path / "none", version=9, storage_plugin=StoragePlugin.MCAP) as plain:
        plain.add_connection("/image", IMAGE, typestore=message_types())
        plain.add_connection("/query", QUERY, typestore=message_types())
    with pytest.raises(DataError, match="no message on /image and /query"):
        evaluated(tmp_path / "none", bundle, tmp_path / "out")


def test_a_quote_that_is_not_closed_does_not_swallow_the_truth(tmp_path: Path) -> None:
    from visual_byte_core.bags.truth import read_truth

    (tmp_path / "truth.csv").write_text('kind,id,from,to,label\nframe,,0,1,"mug\nframe,,1,2,lamp\nquery,q,,,lamp\n')
    with pytest.raises(DataError, match="cannot be read as a CSV"):
        read_truth(tmp_path / "truth.csv")


def test_a_damaged_row_of_a_sqlite3_bag_costs_that_row(walk: Path, tmp_path: Path) -> None:
    path = rewritten(raw(walk), tmp_path / "rows", StoragePlugin.SQLITE3)
    with sqlite3.connect(path / "rows.db3") as database:
        database.execute("CREATE TABLE other AS SELECT * FROM messages")
        database.execute("UPDATE other SET timestamp = NULL WHERE id = 3")
        database.execute("UPDATE other SET data = 'text' WHERE id = 5")
        database.execute("DROP TABLE messages")
        database.execute("ALTER TABLE other RENAME TO messages")
    database.close()
    with Bag(path) as bag:
        found = [received.stamp for received in bag.messages([*TOPICS, "/pose"])]
        assert len(found) == len(raw(walk)) - 2 and sum(bag.unread.values()) == 2 and "are missing" in bag.cut


def test_speech_that_names_no_photo_is_told_and_not_dropped(
    bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_photos(tmp_path / "photos")
    (tmp_path / "speech" / "Teapot").mkdir(parents=True)
    shutil.copyfile(BANANA, tmp_path / "speech" / "Teapot" / "a.flac")
    with pytest.raises(DataError, match="speech of no name that has photos"):
        plan_of_folders(bundle, tmp_path / "photos", tmp_path / "speech", (), 1)
    (tmp_path / "speech" / "MUG").mkdir()
    shutil.copyfile(BANANA, tmp_path / "speech" / "MUG" / "a.flac")
    with caplog.at_level("WARNING", "visual_byte"):
        plan = plan_of_folders(bundle, tmp_path / "photos", tmp_path / "speech", (), 1)
    assert [event.expect for event in plan.events if event.speech] == ["mug"]
    assert "left out, speech of 1 names that have no photos: ['teapot']" in caplog.text
