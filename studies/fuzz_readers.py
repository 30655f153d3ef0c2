# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Every reader of files against files that were damaged at random, real ones as seeds.

    python studies/fuzz_readers.py [--seconds 600] [--out DIR] [READER ...]

A reader may give what it read, or an error of our own classes. Anything else is a finding: another exception, a crash,
over 5 s of the processor (or 60 s by the clock) for one file, or a memory over 1 GB more than before. Findings lie in
DIR with the file that made them; the last line of each reader is a row for docs/reliability.md. Each reader runs in a
process of its own, at low priority.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from visual_byte_core.errors import VisualByteError

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "examples" / "photos" / "banana" / "banana_001.jpg"
SOUND = ROOT / "test" / "data" / "banana.flac"
MAX_S, MAX_MEMORY = 5, 1 << 30  # seconds of the processor, bytes
MAX_WAIT_S = 60  # whatever the machine does beside
BATCH = 100
Seeds = dict[str, bytes]


class Hang(BaseException):
    """One file took over MAX_S."""


# A damage is what happens, where (a share of the file) and with which bytes.
DAMAGES = st.lists(
    st.tuples(
        st.sampled_from(("cut", "flip", "set", "insert", "delete", "repeat", "swap")),
        st.floats(0, 1, width=32),
        st.one_of(
            st.binary(min_size=1, max_size=8),
            st.sampled_from(
                [b"\xff" * 4, b"\xff" * 8, bytes(4), bytes(8), b"\x7f\xff\xff\xff", b"\xff\xd9", b'"', b"\n"]
            ),
        ),
    ),
    min_size=0,
    max_size=6,
)


def damaged(content: bytes, damages: list[tuple[str, float, bytes]]) -> bytes:
    data = bytearray(content)
    for kind, share, value in damages:
        at = int(share * len(data))
        if kind == "cut":
            del data[at:]
        elif kind == "flip" and at < len(data):
            data[at] ^= value[0] or 1
        elif kind == "set":
            data[at : at + len(value)] = value
        elif kind == "insert":
            data[at:at] = value
        elif kind == "delete":
            del data[at : at + 16 * len(value)]
        elif kind == "repeat":
            data[at:at] = data[at : at + 256 * len(value)]
        elif kind == "swap":
            half = data[at:]
            data = half + data[:at]
    return bytes(data)


def photo_seeds(_: Path) -> Seeds:
    picture = Image.open(PHOTO).convert("RGB").resize((96, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    found = {}
    for name, kind, options in (
        ("a.jpg", "JPEG", {"exif": exif}), ("b.jpg", "JPEG", {"progressive": True}), ("c.png", "PNG", {}),
        ("d.webp", "WEBP", {}), ("e.bmp", "BMP", {}), ("f.tif", "TIFF", {"compression": "tiff_lzw"}),
        ("g.gif", "GIF", {}), ("h.jp2", "JPEG2000", {}), ("i.ppm", "PPM", {}), ("j.avif", "AVIF", {}),
    ):  # fmt: skip
        file = io.BytesIO()
        picture.save(file, kind, **options)
        found[name] = file.getvalue()
    return found


def read_photo(path: Path) -> None:
    from visual_byte_core.rendering.photo import read_photo as read
    from visual_byte_core.rendering.photo import render_photo

    assert render_photo(read(path), 96).shape == (96, 96, 3)


def sound_seeds(_: Path) -> Seeds:
    samples, rate = soundfile.read(SOUND)
    found = {"a.flac": SOUND.read_bytes()}
    for name, kind, subtype in (
        ("b.wav", "WAV", "PCM_16"), ("c.ogg", "OGG", "VORBIS"), ("d.opus", "OGG", "OPUS"), ("e.mp3", "MP3", None),
        ("f.aiff", "AIFF", "PCM_16"), ("g.caf", "CAF", "PCM_16"), ("h.w64", "W64", "PCM_16"), ("i.au", "AU", "PCM_16"),
    ):  # fmt: skip
        file = io.BytesIO()
        soundfile.write(file, samples[:8000], rate, format=kind, subtype=subtype)
        found[name] = file.getvalue()
    return found


def read_sound(path: Path) -> None:
    from visual_byte_core.rendering.sound_file import mono_blocks
    from visual_byte_core.rendering.sound_file import read_sound as read
    from visual_byte_core.rendering.speech import render_speech

    with contextlib.suppress(VisualByteError):
        for number, _ in enumerate(mono_blocks(path, 0.5)):
            if number > 100:  # minutes of sound from a header that lies: long, and no memory
                break
    render_speech(*read(path), 64)


def bag_seeds(work: Path) -> Seeds:
    from visual_byte_core.bags.compose import BagPlan, Event, compose
    from visual_byte_core.bundle.bundle import load_bundle

    bundle = load_bundle(ROOT / "models" / "starter")
    plan = BagPlan((Event(at=0.0, show=str(PHOTO), seconds=2.0), Event(at=3.0, text="banana")), side=64)
    found = {}
    for storage, name in (("mcap", "a.mcap"), ("sqlite3", "b.db3")):
        compose(plan, bundle, work / storage, storage)  # type: ignore[arg-type]
        (data,) = (work / storage).glob("*.[md]*[p3]")
        found[name] = data.read_bytes()
    return found


def read_bag(path: Path) -> None:
    from visual_byte_core.bags.reading import Bag

    with Bag(path) as bag:
        for _ in bag.messages([topic.name for topic in bag.topics if topic.name in ("/image", "/query")]):
            pass


def csv_seeds(_: Path) -> Seeds:
    return {
        "names.csv": 'en,ko,parent\napple,사과,\nRoyal Gala,로열 갈라,apple\n"oat, milk",귀리 우유,\n'.encode(),
        "truth.csv": b"kind,id,from,to,label\nframe,,0,10,mug|cup\nquery,q-1,,,mug\nquery,,5,6,absent\n",
        "manifest.csv": b'file,word,speaker,source\na/1.wav,apple,anna,home\nb/1.wav,"oat milk",ben,home\n',
    }


def read_csv(path: Path) -> None:
    from visual_byte_core.bags.truth import read_truth
    from visual_byte_core.dataset.sound_collector import read_manifest
    from visual_byte_core.names import read_names

    {"names.csv": read_names, "truth.csv": read_truth, "manifest.csv": read_manifest}[path.name](path)


def yaml_seeds(_: Path) -> Seeds:
    found = {path.name: path.read_bytes() for path in sorted((ROOT / "config").glob("collect_*.yaml"))}
    found["plan.yaml"] = (
        b"rate: 2.0\nevents:\n  - {at: 0.0, show: a.jpg, seconds: 2.0}\n  - {at: 2, text: mug, expect: mug}\n"
    )
    return found


def read_yaml(path: Path) -> None:
    from visual_byte_core.bags.compose import BagPlan
    from visual_byte_core.configuration import load_configuration
    from visual_byte_core.dataset.collect_config import CollectConfig

    load_configuration(BagPlan if path.name == "plan.yaml" else CollectConfig, path)


def bundle_seeds(_: Path) -> Seeds:
    return {"bundle.yaml": (ROOT / "models" / "starter" / "bundle.yaml").read_bytes()}


def read_bundle(path: Path) -> None:
    from visual_byte_core.bundle.bundle import load_bundle

    for file in (ROOT / "models" / "starter").iterdir():
        with contextlib.suppress(FileExistsError):
            (path.parent / file.name).symlink_to(file)
    load_bundle(path.parent)


def filled_memory(folder: Path) -> None:
    from visual_byte_core.memory.memory import Memory
    from visual_byte_core.memory.observation import Observation
    from visual_byte_core.rendering.thumbnail import reduced

    generator = np.random.default_rng(0)
    with Memory(folder, "starter@0", dimension=32) as memory:
        for number in range(20):
            vector = generator.normal(size=32).astype(np.float32)
            picture = generator.integers(0, 255, (48, 64, 3), np.uint8)
            seen = Observation(captured_at=1e9 + 1000 * number, label="" if number % 2 else f"컵 {number}")
            memory.remember(vector / np.linalg.norm(vector), seen, reduced(picture))


def memory_seeds(work: Path) -> Seeds:
    filled_memory(work / "memory")
    return {
        path.relative_to(work / "memory").as_posix().replace("/", "+"): path.read_bytes()
        for path in sorted((work / "memory").rglob("*"))
        if path.is_file() and path.stat().st_size
    }


def read_memory(path: Path) -> None:
    """`path` takes the place of one file of a whole memory, which is copied afresh."""
    from visual_byte_core.memory.memory import Memory

    folder = path.parent / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(path.parent / "whole", folder)
    shutil.copyfile(path, folder / path.name.replace("+", "/"))
    with Memory(folder, "starter@0", dimension=32) as memory:
        memory.count()
        memory.page(None, 100, "")
        memory.search(np.eye(1, 32, dtype=np.float32)[0], 5)


def archive_seeds(work: Path) -> Seeds:
    from visual_byte_core.memory.archive import export_memory
    from visual_byte_core.memory.memory import Memory

    filled_memory(work / "exported")
    with Memory(work / "exported", "starter@0", dimension=32) as memory:
        export_memory(memory, "starter@0", 32, work / "a.zip")
    return {"a.zip": (work / "a.zip").read_bytes()}


def read_archive(path: Path) -> None:
    from visual_byte_core.memory.archive import Archive, owner_of_archive

    owner_of_archive(path)
    with Archive(path, "starter@0", 32) as archive:
        for _ in archive.memories():
            pass


READERS: dict[str, tuple[Callable[[Path], Seeds], Callable[[Path], None]]] = {
    "photo": (photo_seeds, read_photo),
    "sound": (sound_seeds, read_sound),
    "bag": (bag_seeds, read_bag),
    "csv": (csv_seeds, read_csv),
    "yaml": (yaml_seeds, read_yaml),
    "bundle": (bundle_seeds, read_bundle),
    "memory": (memory_seeds, read_memory),
    "archive": (archive_seeds, read_archive),
}


def fuzz(name: str, seconds: float, out: Path) -> dict[str, object]:
    """Damage and read until the time is over; what came of it, by kind of outcome."""
    make_seeds, read = READERS[name]
    out.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    findings: set[str] = set()
    with tempfile.TemporaryDirectory(prefix=f"fuzz_{name}_") as folder:
        work = Path(folder)
        seeds = make_seeds(work / "seeds" if (work / "seeds").mkdir() is None else work)
        if name == "memory":
            shutil.copytree(work / "seeds" / "memory", work / "whole")
        for seed, content in seeds.items():  # what is imported and made once is none of a file's time or memory
            (work / seed).write_bytes(content)
            with contextlib.suppress(VisualByteError):
                read(work / seed)
        # Twice the allowance: a reader that asks for more gets a MemoryError and not the machine's memory.
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 4 * MAX_MEMORY, resource.RLIM_INFINITY))
        for number in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(number, _hang)
        until = time.monotonic() + seconds
        begun = _peak()

        @settings(
            max_examples=BATCH, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(st.sampled_from(sorted(seeds)), DAMAGES)
        def one(seed: str, damages: list[tuple[str, float, bytes]]) -> None:
            if time.monotonic() > until:
                return
            path = work / seed
            path.write_bytes(damaged(seeds[seed], damages))
            shutil.copyfile(path, out / "last")  # what a crash leaves behind
            before = _peak()
            outcome = _outcome(read, path)
            if _peak() - before > MAX_MEMORY:
                outcome = f"memory: {(_peak() - before) >> 20} MB"
            counts[outcome.partition(":")[0]] += 1
            if outcome not in ("read", "refused") and outcome not in findings:
                findings.add(outcome)
                shutil.copyfile(path, out / f"finding_{len(findings)}_{seed}")
                (out / f"finding_{len(findings)}.txt").write_text(outcome)

        while time.monotonic() < until:
            one()
    return {"reader": name, "counts": dict(counts), "findings": sorted(findings), "mb": (_peak() - begun) >> 20}


def _outcome(read: Callable[[Path], None], path: Path) -> str:
    """`read`, `refused` by an error of ours, or what went wrong."""
    signal.setitimer(signal.ITIMER_PROF, MAX_S)
    signal.setitimer(signal.ITIMER_REAL, MAX_WAIT_S)
    try:
        read(path)
        return "read"
    except VisualByteError:
        return "refused"
    except Hang:
        return f"hang: over {MAX_S} s"
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in where if "visual_byte" in frame.filename] or where
        return f"exception: {type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _hang(*_: object) -> None:
    raise Hang


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"which ones (default: all): {', '.join(READERS)}")
    parser.add_argument("--seconds", type=float, default=600.0, help="for each reader (default: %(default)g)")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "fuzz_readers", metavar="DIR")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(fuzz(arguments.readers[0], arguments.seconds, arguments.out)))
        return
    bad = 0
    for name in arguments.readers or READERS:
        out = arguments.out / name
        begun = time.monotonic()
        command = [sys.executable, __file__, "--child", "--seconds", str(arguments.seconds), "--out", str(out), name]
        done = subprocess.run(["nice", "-n", "10", *command], capture_output=True, text=True, check=False)
        seconds = time.monotonic() - begun
        for line in _told(name, done, seconds, out):
            print(line, flush=True)
            bad += line.startswith("  finding")
    sys.exit(bool(bad))


def _told(name: str, done: subprocess.CompletedProcess[str], seconds: float, out: Path) -> Iterator[str]:
    if done.returncode:
        yield f"  finding: the process ended with {done.returncode}; its input is {out / 'last'}; {done.stderr[-500:]}"
        return
    result = json.loads(done.stdout.splitlines()[-1])
    counts = result["counts"]
    yield (
        f"| {name} | {seconds:.0f} s | {sum(counts.values())} | {counts.get('read', 0)} | {counts.get('refused', 0)} |"
        f" {len(result['findings'])} | {result['mb']} MB |"
    )
    for finding in result["findings"]:
        yield f"  finding: {finding}; its input is in {out}"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
