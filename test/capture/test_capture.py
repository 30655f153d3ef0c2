# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Sources of frames and sound: what is there is played, what is broken is named, what is lost comes back."""

from __future__ import annotations

import logging
import os
import re
import shutil
import struct
import sys
import threading
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from visual_byte_core.capture.capture_stamps import CaptureStamps
from visual_byte_core.capture.frame import Frame
from visual_byte_core.capture.frame_player import FramePlayer
from visual_byte_core.capture.frame_sources import FrameSettings, numbered_images, open_frames
from visual_byte_core.capture.level_meter import Meter
from visual_byte_core.capture.microphone import MicrophoneInfo, choose_microphone
from visual_byte_core.capture.sound_source import Block, SoundSettings
from visual_byte_core.capture.source_state import SourceState
from visual_byte_core.capture.utterance_detector import Utterance, UtteranceSettings
from visual_byte_core.capture.utterance_listener import Listener, open_sounds
from visual_byte_core.errors import ConfigurationError, DeviceError, InvalidImage
from visual_byte_testing.waiting import PATIENCE, wait_until

LOG = logging.getLogger("capture")


def write_photo(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((12, 16, 3), (value, 0, 255 - value), np.uint8))


def tone(seconds: float, rate: int = 16_000) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * rate)) / rate)


class Waiting:
    """Collects what a thread hands over, and waits for the n-th."""

    def __init__(self) -> None:
        self.items: list = []
        self._changed = threading.Condition()

    def __call__(self, *item: object) -> None:
        with self._changed:
            self.items.append(item[0] if len(item) == 1 else item)
            self._changed.notify_all()

    def first(self, count: int) -> list:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.items) >= count, PATIENCE), self.items
            return self.items[:count]


# Frames


def test_a_folder_is_played_in_the_order_of_its_paths(tmp_path: Path) -> None:
    for name, value in (("b/2.png", 20), ("a/9.jpg", 90), ("b/1.PNG", 10)):
        write_photo(tmp_path / name, value)
    (tmp_path / "notes.txt").write_text("not a photo")
    frames = open_frames(FrameSettings(source="folder", path=str(tmp_path), loop=False))
    played = [frames.read() for _ in range(3)]
    assert [frame.name for frame in played if frame] == ["a/9.jpg", "b/1.PNG", "b/2.png"]
    assert frames.read() is None
    assert played[1] and played[1].channel_order == "rgb" and played[1].image[0, 0].tolist() == [245, 0, 10]


def test_a_broken_photo_is_named_once_and_skipped(tmp_path: Path) -> None:
    write_photo(tmp_path / "1.png", 1)
    (tmp_path / "2.jpg").write_bytes(b"")
    frames = open_frames(FrameSettings(source="folder", path=str(tmp_path)))
    assert frames.read()
    with pytest.raises(InvalidImage, match="2.jpg"):
        frames.read()
    assert [frame.name for frame in (frames.read(), frames.read()) if frame] == ["1.png", "1.png"]


def test_numbered_images_and_a_video(tmp_path: Path) -> None:
    for number in range(3):
        write_photo(tmp_path / f"f_{number:02d}.png", 100 * number)
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 48))
    for number in range(3):
        writer.write(np.full((48, 64, 3), 80 * number, np.uint8))
    writer.release()
    for source, path in (("images", "f_%02d.png"), ("file", "v.avi")):
        once = open_frames(FrameSettings(source=source, path=str(tmp_path / path), loop=False))
        shown = [once.read() for _ in range(4)]
        assert [frame and frame.image[0, 0, 0] for frame in shown[:2]] != [0, 0] and shown[3] is None
        last = {"images": ("f_02.png", "rgb"), "file": (f"{tmp_path}/v.avi#3", "bgr")}[source]
        assert shown[2] and (shown[2].name, shown[2].channel_order) == last
        again = open_frames(FrameSettings(source=source, path=str(tmp_path / path)))
        names = [frame.name for frame in (again.read() for _ in range(4)) if frame]
        assert names[3] == names[0]
    assert again.rate == 25


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"source": "device", "device": "77"}, "camera '77': cannot be opened; check that it is plugged in"),
        ({"source": "device", "device": "rtsp://me:secret@127.0.0.1:9/x"}, r"rtsp://me:\*\*\*@127.0.0.1:9/x.*address"),
        ({"source": "device", "device": "/dev/no_camera"}, "/dev/no_camera"),
        ({"source": "file", "path": "no.avi"}, "no such video"),
        ({"source": "images", "path": "no_%03d.png"}, "frame_%04d.png"),
        ({"source": "folder", "path": "no_folder"}, "no such folder"),
    ],
)
def test_what_is_not_there_is_named(settings: dict[str, str], says: str) -> None:
    with pytest.raises(DeviceError, match=says):
        open_frames(FrameSettings(**settings))


def test_a_folder_without_photos(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a photo")
    for source, path, says in (
        ("folder", tmp_path, "expected files that end in .avif"),
        ("images", tmp_path / "f_%d.png", "f_%d.png counts"),
    ):
        with pytest.raises(DeviceError, match=f"holds no readable photo .0 that cannot be read.; .*{says}"):
            open_frames(FrameSettings(source=source, path=str(path)))


def test_a_file_that_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "x.avi").write_bytes(b"no video")
    with pytest.raises(DeviceError, match="x.avi"):
        open_frames(FrameSettings(source="file", path=str(tmp_path / "x.avi"))).read()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"source": "smell"}, "source must be one of"),
        ({"source": "file"}, "path is empty"),
        ({"rate": -1.0}, "must not be negative"),
        ({"silent_after_s": 0.0}, "over 0"),
        ({"device": "gopher://host/x"}, "begins with one of http, https"),
    ],
)
def test_frame_settings_that_make_no_sense(settings: dict, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        FrameSettings(**settings)


def test_numbered_images_go_by_number_and_may_have_gaps(tmp_path: Path) -> None:
    for name in ("f_2.png", "f_10.png", "f_1.png", "f_x.png", "g_3.png"):
        write_photo(tmp_path / name, 1)
    assert [path.name for path in numbered_images(tmp_path / "f_%d.png")] == ["f_1.png", "f_2.png", "f_10.png"]
    assert [path.name for path in numbered_images(tmp_path / "f_%02d.png")] == ["f_10.png"]
    with pytest.raises(ConfigurationError, match="one number in the file's name"):
        open_frames(FrameSettings(source="images", path=str(tmp_path / "f_1.png")))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_photos_of_any_kind_and_one_too_large(tmp_path: Path) -> None:
    kinds = {
        "1_grey.png": np.full((4, 6), 128, np.uint8),
        "2_deep.png": np.full((4, 6, 3), 32_896, np.uint16),
        "3_alpha.png": np.dstack([np.full((4, 6, 3), 1, np.uint8), np.full((4, 6), 128, np.uint8)]),
        "4_deep_grey.tif": np.full((4, 6), 32_896, np.uint16),
    }
    for name, image in kinds.items():
        assert cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / "5_huge.png").write_bytes(png_header(20_000, 20_000))
    (tmp_path / "6_wide.png").write_bytes(png_header(11_000, 10_000))
    (tmp_path / "7_zero.png").write_bytes(png_header(0, 5))
    frames = open_frames(FrameSettings(source="folder", path=str(tmp_path)))
    for name in kinds:
        frame = frames.read()
        assert (
            frame
            and frame.name == name
            and frame.image.shape == (4, 6, 3)
            and (abs(frame.image.astype(int) - 128) <= 1).all()
        )
    for says in ("5_huge.png: is over 100000000", "6_wide.png: 11000x10000 is over", "7_zero.png: no picture"):
        with pytest.raises(InvalidImage, match=says):
            frames.read()


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and ends there."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    data = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    return b"\x89PNG\r\n\x1a\n" + chunk + data


def test_stamps_never_go_back() -> None:
    stamps, second = CaptureStamps(), 1_000_000_000
    assert stamps.stamp(9.9, 100 * second, 10.0) == 99.9e9
    assert stamps.stamp(10.9, 101 * second, 11.0) == 100.9e9 and stamps.ahead == 0
    assert stamps.stamp(10.9, 101 * second, 11.0) == 100.9e9 + 1
    assert stamps.stamp(11.9, 42 * second, 12.0) == 101.9e9 and stamps.ahead == pytest.approx(
        60
    )  # set back by a minute
    assert stamps.stamp(12.9, 43 * second, 13.0) == 102.9e9
    assert stamps.stamp(13.9, 500 * second, 14.0) == 499.9e9 and stamps.ahead == 0  # set forward


def test_a_player_survives_a_folder_that_goes_and_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_photo(tmp_path / "photos" / "1.png", 1)
    (tmp_path / "photos" / "0.png").write_bytes(b"")
    shown: Waiting = Waiting()
    settings = FrameSettings(source="folder", path=str(tmp_path / "photos"), rate=200.0)
    player = FramePlayer(settings, shown, LOG)
    player.start()
    assert [frame.name for frame in shown.first(3)] == ["1.png"] * 3
    shutil.rmtree(tmp_path / "photos")
    wait_until(lambda: player.report().status.state is SourceState.LOST)
    write_photo(tmp_path / "photos" / "2.png", 2)
    wait_until(lambda: player.report().status.state is SourceState.PLAYING)
    player.close()
    assert shown.items[-1].name == "2.png"
    assert caplog.text.count("0.png: 0 bytes") == 1 and "no such folder" in caplog.text


def test_a_player_survives_whatever_one_frame_raises(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in (1, 2, 3):
        write_photo(tmp_path / f"{number}.png", number)
    shown: Waiting = Waiting()

    def show(frame: Frame) -> None:
        if frame.name == "2.png":
            raise UnicodeEncodeError("utf-8", "\udcb9", 0, 1, "surrogates not allowed")
        shown(frame)

    player = FramePlayer(FrameSettings(source="folder", path=str(tmp_path), rate=200.0), show, LOG)
    player.start()
    assert [frame.name for frame in shown.first(4)] == ["1.png", "3.png", "1.png", "3.png"]
    player.close()
    assert caplog.text.count("2.png: cannot be shown (UnicodeEncodeError") == 1 and player.report().unreadable > 0


def test_a_photo_whose_name_is_no_utf8_is_shown_under_an_escaped_one(tmp_path: Path) -> None:
    write_photo(tmp_path / "1.png", 1)
    os.rename(tmp_path / "1.png", os.fsencode(tmp_path) + b"/" + "키위".encode("cp949") + b".png")
    frame = open_frames(FrameSettings(source="folder", path=str(tmp_path))).read()
    assert frame and frame.name.encode() and "\\x" in frame.name


def test_a_video_that_ends_before_its_header_says_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for number in range(40):
        writer.write(np.full((48, 64, 3), 6 * number, np.uint8))
    writer.release()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    frames = open_frames(FrameSettings(source="file", path=str(path), loop=True))
    told: list[str] = []
    for _ in range(90):
        try:
            assert frames.read()
        except InvalidImage as error:
            told.append(str(error))
    assert len(told) == 1 and re.search(r"a.avi: ends after \d+ of 40 frames", told[0])


def test_a_recording_waits_for_somebody_who_looks_and_ends(tmp_path: Path) -> None:
    write_photo(tmp_path / "1.png", 1)
    write_photo(tmp_path / "2.png", 2)
    looks = threading.Event()
    shown: Waiting = Waiting()
    settings = FrameSettings(source="folder", path=str(tmp_path), rate=200.0, loop=False)
    player = FramePlayer(settings, shown, LOG, wanted=looks.is_set)
    player.start()
    wait_until(lambda: player.report().status.state is SourceState.WAITING)
    assert not shown.items
    looks.set()
    assert [frame.name for frame in shown.first(2)] == ["1.png", "2.png"]
    wait_until(lambda: player.report().status.state is SourceState.ENDED)
    player.close()
    assert player.report().shown == 2


def test_a_player_stops_and_goes_on(tmp_path: Path) -> None:
    for number in range(100):
        write_photo(tmp_path / f"{number:03d}.png", number)
    shown: Waiting = Waiting()
    player = FramePlayer(FrameSettings(source="folder", path=str(tmp_path), rate=100.0, loop=False), shown, LOG)
    player.start()
    shown.first(3)
    player.stop()
    so_far = len(shown.items)
    player.start()
    frames: list[Frame] = shown.first(so_far + 3)
    player.close()
    assert [frame.name for frame in frames] == [f"{number:03d}.png" for number in range(so_far + 3)]


# Sounds


def listen(folder: Path, **settings: object) -> tuple[list[tuple[str, Utterance]], list[tuple[str, str]]]:
    """What is heard, and what is not, in a folder of recordings played to its end."""
    heard: Waiting = Waiting()
    unheard: Waiting = Waiting()
    sound = SoundSettings(source="folder", folder=str(folder), speed=500.0, **settings)  # type: ignore[arg-type]
    listener = Listener(sound, UtteranceSettings(voice_activity="energy"), heard, unheard, LOG)
    listener.start()
    wait_until(lambda: listener.status.state is SourceState.ENDED)
    listener.close()
    return heard.items, unheard.items


def test_a_listener_survives_whatever_one_utterance_raises(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a", "b", "c"):
        soundfile.write(tmp_path / f"{name}.wav", tone(0.5), 16_000)
    heard: Waiting = Waiting()

    def take(name: str, utterance: Utterance) -> None:
        if name == "b":
            raise RuntimeError("of one utterance")
        heard(name, utterance)

    sound = SoundSettings(source="folder", folder=str(tmp_path), speed=500.0)
    listener = Listener(sound, UtteranceSettings(voice_activity="energy"), take, print, LOG)
    listener.start()
    wait_until(lambda: listener.status.state is SourceState.ENDED)
    listener.close()
    assert [name for name, _ in heard.items] == ["a", "c"]
    assert caplog.text.count("a sound is left out: RuntimeError: of one utterance") == 1


def test_each_recording_is_one_question(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "apple.wav", tone(0.5), 16_000)
    soundfile.write(tmp_path / "banana.flac", tone(0.5, 22_050), 22_050)
    eight = np.stack([tone(0.5, 96_000)] * 8, axis=1)
    soundfile.write(tmp_path / "cherry.wav", eight, 96_000)
    heard, unheard = listen(tmp_path)
    assert [(name, utterance.rate) for name, utterance in heard] == [
        ("apple", 16_000),
        ("banana", 16_000),
        ("cherry", 16_000),
    ]
    assert all(utterance.samples.ndim == 1 and utterance.seconds == pytest.approx(0.5) for _, utterance in heard)
    assert unheard == []


def test_a_recording_without_a_name_is_reported_with_its_reason(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "1_silent.wav", np.zeros(16_000), 16_000)
    soundfile.write(tmp_path / "2_short.wav", tone(0.05), 16_000)
    soundfile.write(tmp_path / "3_nan.wav", np.full(16_000, np.nan), 16_000, subtype="FLOAT")
    (tmp_path / "4_broken.wav").write_bytes(b"RIFF")
    soundfile.write(tmp_path / "5_empty.wav", np.zeros(0), 16_000)
    soundfile.write(tmp_path / "6_good.wav", tone(0.5), 16_000)
    heard, unheard = listen(tmp_path)
    assert [name for name, _ in heard] == ["6_good"]
    reasons = dict(unheard)
    assert list(reasons) == ["1_silent", "2_short", "3_nan", "4_broken", "5_empty"]
    assert "silent, every sample is 0" in reasons["1_silent"] and "0.1 s" in reasons["2_short"]
    assert "NaN" in reasons["3_nan"] and "4_broken.wav" in reasons["4_broken"] and "no samples" in reasons["5_empty"]


def test_recordings_are_played_at_the_pace_of_life_times_speed(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(2), 16_000)
    sounds = open_sounds(SoundSettings(source="folder", folder=str(tmp_path), speed=4.0))
    assert sounds.read(0.0) is not None  # the first block is due at once
    assert sounds.read(0.0) is None  # the second is not
    assert sounds.read(5.0) is not None


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"source": "folder", "folder": "no_folder"}, DeviceError, "no such folder"),
        ({"source": "folder"}, ConfigurationError, "folder is empty"),
        ({"source": "smell"}, ConfigurationError, "smell"),
        ({"speed": 0.0}, ConfigurationError, "speed"),
        ({"channel": -1}, ConfigurationError, "channel must be 0 .* to 64, got -1"),
        ({"device": "no such microphone"}, DeviceError, "no such microphone"),
        ({"device": "77"}, DeviceError, "'77'"),
    ],
)
def test_sound_that_is_not_there_is_named(settings: dict, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        open_sounds(SoundSettings(**settings))


def test_a_folder_without_recordings(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="holds no recording"):
        open_sounds(SoundSettings(source="folder", folder=str(tmp_path)))


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("raise OSError('PortAudio library not found')", "apt-get install libportaudio2"),
        ("raise ImportError('no sounddevice')", "pip install sounddevice"),
    ],
)
def test_a_machine_without_portaudio_or_sounddevice(
    module: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without PortAudio, sounddevice raises OSError on import; a module that does so stands in for it."""
    (tmp_path / "sounddevice.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(DeviceError, match=says):
        open_sounds(SoundSettings())


MICROPHONES = (
    MicrophoneInfo(0, "HDA Intel: Analog", 2, 44_100),
    MicrophoneInfo(3, "ReSpeaker 4 Mic Array", 6, 16_000, is_default=True),
    MicrophoneInfo(4, "ReSpeaker 4 Mic Array (copy)", 6, 16_000),
)


@pytest.mark.parametrize(
    ("device", "index"), [("", 3), ("0", 0), ("intel", 0), ("COPY", 4), ("ReSpeaker 4 Mic Array", 3)]
)
def test_a_microphone_is_chosen_by_index_or_part_of_its_name(device: str, index: int) -> None:
    assert choose_microphone(MICROPHONES, device).index == index


@pytest.mark.parametrize(
    ("microphones", "device", "says"),
    [
        (
            MICROPHONES,
            "respeaker",
            "could be 3 'ReSpeaker 4 Mic Array', 4 'ReSpeaker 4 Mic Array .copy.'; set `device`",
        ),
        (MICROPHONES, "2", "'2': there is no such microphone; this machine has 0 'HDA Intel: Analog', 3 "),
        (MICROPHONES[:1], "", "no default; this machine has 0 'HDA"),
        ((), "", "no default; this machine has no microphone; plug one in"),
    ],
)
def test_a_microphone_that_is_ambiguous_or_absent(
    microphones: tuple[MicrophoneInfo, ...], device: str, says: str
) -> None:
    with pytest.raises(DeviceError, match=says):
        choose_microphone(microphones, device)


def test_a_button_needs_a_microphone(tmp_path: Path) -> None:
    settings = SoundSettings(source="folder", folder=str(tmp_path))
    with pytest.raises(ConfigurationError, match="mode push_to_talk needs a microphone"):
        Listener(settings, UtteranceSettings(mode="push_to_talk"), print, print, LOG)


def metered(samples: np.ndarray, clipped: float = 0.0) -> Meter:
    meter = Meter()
    for start in range(0, len(samples), 800):
        meter.hear(Block(samples[start : start + 800].astype(np.float32), clipped=clipped))
    return meter


def test_a_meter_of_a_tone_and_of_the_room_after_it() -> None:
    meter = metered(np.concatenate([1e-4 * np.random.default_rng(0).standard_normal(16_000), tone(1)]))
    assert meter.level_dbfs == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=0.2)
    assert meter.noise_dbfs == pytest.approx(-80, abs=1.5)
    assert meter.warning() == "" and meter.silent_s == 0


@pytest.mark.parametrize(("seconds", "warns"), [(4.5, False), (6.0, True)])
def test_a_meter_tells_digital_silence_from_a_quiet_room(seconds: float, warns: bool) -> None:
    silence = np.full(round(seconds * 16_000), 0.01)
    assert ("muted?" in metered(silence).warning()) == warns
    assert metered(silence + 2e-6 * np.random.default_rng(0).standard_normal(len(silence))).warning() == ""


def test_a_meter_warns_of_channels_that_cancel_one_another() -> None:
    meter = Meter()
    for _ in range(40):
        meter.hear(Block(np.zeros(800, np.float32), cancelled=True))
    assert "cancel one another (opposite phase): set channel to 1" in meter.warning()


def test_a_meter_warns_of_clipping_and_forgets_it() -> None:
    meter = metered(tone(1), clipped=0.2)
    assert "20% of the samples are clipped: lower the gain" in meter.warning()
    for _ in range(80):
        meter.hear(Block(tone(0.05).astype(np.float32)))
    assert meter.warning() == ""
