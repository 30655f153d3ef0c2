# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A memory goes into one file and comes back whole; a file that is not whole, foreign or malicious changes nothing."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visual_byte_core.cli import main
from visual_byte_core.embedding.embedder import Embedder
from visual_byte_core.engine.reembedding import reembed
from visual_byte_core.errors import InvalidMemory, MemoryFolderError
from visual_byte_core.memory.archive import export_memory, import_memory
from visual_byte_core.memory.match import Filter
from visual_byte_core.memory.memory import Memory
from visual_byte_core.memory.observation import Observation
from visual_byte_core.memory.staged_store import Successor
from visual_byte_core.memory.taught_names import Prototype
from visual_byte_core.names import ClassName
from visual_byte_core.rendering.thumbnail import thumbnail
from visual_byte_testing.memory_child import BUNDLE, DIMENSION, embedding_of, observation_of
from visual_byte_testing.pixel_bundle import write_pixel_bundle


def open_memory(folder: Path, bundle: str = BUNDLE) -> Memory:
    return Memory(folder, bundle, dimension=DIMENSION)


def unit(number: int) -> np.ndarray:
    vector = embedding_of(number)
    return vector / np.linalg.norm(vector)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    with open_memory(tmp_path / "first") as memory:
        for number in range(10):
            pose = (float(number), 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
            memory.remember(
                embedding_of(number), replace(observation_of(number), pose=pose, label="mug" if number < 2 else "")
            )
        memory.taught.teach("mug", [Prototype("text", unit(50), "mug"), Prototype("audio", unit(51), image=b"png")])
        assert export_memory(memory, BUNDLE, DIMENSION, tmp_path / "memory.zip") == 10
    return tmp_path / "memory.zip"


def test_what_was_exported_comes_back_whole(exported: Path, tmp_path: Path) -> None:
    with open_memory(tmp_path / "second") as memory:
        own = memory.remember(embedding_of(99), observation_of(99)).id
        assert import_memory(memory, BUNDLE, DIMENSION, exported) == (10, 0)
    with open_memory(tmp_path / "first") as before, open_memory(tmp_path / "second") as after:
        expected = {match.id: (match, vector) for match, vector in before.everything()}
        found = {match.id: (match, vector) for match, vector in after.everything()}
        assert found.keys() == expected.keys() | {own}
        for id, (match, vector) in expected.items():
            assert found[id][0] == match
            np.testing.assert_allclose(found[id][1], vector, atol=1e-3)
        assert after.taught.nearest(unit(51), "audio") == ("mug", pytest.approx(1, abs=1e-3))
        assert import_memory(after, BUNDLE, DIMENSION, exported) == (0, 10)
    assert sorted(path.name for path in (tmp_path / "second").iterdir())[0] == "memory.json"


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None], kind: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def manifest(**changes: object) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) | changes).encode()

    return change


def damage(name: str) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        member = next(one for one in members if one.startswith(name))
        members[member] = bytes([members[member][0] ^ 1]) + members[member][1:]

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (manifest(bundle="other@2"), "holds embeddings of bundle other@2, the memory those of bundle@1"),
        (manifest(format=9), "format 9 is unknown; update Visual Byte"),
        (manifest(what="recipes"), "is not an exported memory"),
        (manifest(memories=11), "10 memories, its manifest says 11"),
        (damage("embeddings.f16"), "embeddings.f16 is damaged"),
        (damage("memories.jsonl"), "memories.jsonl is damaged"),
        (damage("thumbnails/"), "is damaged"),
        (lambda members: members.update({"../../evil.sh": b"rm"}), "holds '../../evil.sh', which no exported memory"),
        (lambda members: members.update({"/etc/passwd": b""}), "holds '/etc/passwd'"),
        (lambda members: members.pop("embeddings.f16"), "damaged (KeyError"),
    ],
)
def test_a_file_that_is_not_a_whole_memory_is_refused(
    exported: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], says: str
) -> None:
    rewritten(exported, change)
    with open_memory(tmp_path / "second") as memory:
        memory.remember(embedding_of(99), observation_of(99))
        with pytest.raises(InvalidMemory) as refused:
            import_memory(memory, BUNDLE, DIMENSION, exported)
        assert says in str(refused.value) and "nothing was imported" in str(refused.value)
        assert memory.count() == 1 and memory.search(embedding_of(99), 1)[0].source == "99"


def test_a_truncated_a_foreign_and_a_compressed_file_are_refused(exported: Path, tmp_path: Path) -> None:
    whole = exported.read_bytes()
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("memories.jsonl", b"\0" * (1 << 24))
    with open_memory(tmp_path / "second") as memory:
        for content, says in (
            (whole[: len(whole) // 2], "not an exported memory, or cut short"),
            (whole[:-10], "not an exported memory, or cut short"),
            (b"", "not an exported memory, or cut short"),
            (b"%PDF-1.7 something else", "not an exported memory, or cut short"),
            (bomb.read_bytes(), "memories.jsonl is compressed or encrypted"),
        ):
            exported.write_bytes(content)
            with pytest.raises(InvalidMemory, match=says):
                import_memory(memory, BUNDLE, DIMENSION, exported)
        with pytest.raises(InvalidMemory, match="no such file"):
            import_memory(memory, BUNDLE, DIMENSION, tmp_path / "nothing.zip")
        assert memory.count() == 0


def photo(seed: int) -> np.ndarray:
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return blocks.repeat(30, axis=0).repeat(40, axis=1)


def test_a_memory_is_embedded_anew_and_gone_on_with_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (
        Embedder(write_pixel_bundle(tmp_path / f"bundle{seed}", [ClassName("mug", "mug")], seed=seed), threads=1)
        for seed in (1, 2)
    )
    with Memory(tmp_path / "memory", old.bundle.id) as memory:
        for seed in range(150):
            memory.remember(
                old.embed_photo(photo(seed)),
                Observation(
                    1e3 * seed, label="mug" if seed == 5 else "", source=str(seed), thumbnail=thumbnail(photo(seed))
                ),
            )
        memory.taught.teach("mug", [Prototype("text", old.embed_text("my mug"), "my mug")])
        blind = memory.remember(old.embed_photo(photo(999)), Observation(1.0)).id
        with pytest.raises(MemoryFolderError, match="1 of 151 memories have no thumbnail .* --leave-out"):
            reembed(memory, new)
        memory.forget([blind])
        add, done = Successor.add, []

        def stop_after_one(self: Successor, memories: list) -> None:
            if done:
                raise KeyboardInterrupt
            add(self, memories)
            done.append(1)

        monkeypatch.setattr(Successor, "add", stop_after_one)
        with pytest.raises(KeyboardInterrupt):
            reembed(memory, new)
        monkeypatch.undo()
    with pytest.raises(MemoryFolderError, match="memory reembed"):
        Memory(tmp_path / "memory", new.bundle.id)
    with Memory(tmp_path / "memory", old.bundle.id) as memory:
        assert memory.count() == 150 and memory.search(old.embed_photo(photo(7)), 1)[0].source == "7"
        memory.forget(where=Filter(seen_before=0.5))
        told = reembed(memory, new)
    assert (told.memories, told.resumed, told.left_out, told.unsaid) == (149, 64, 0, ())
    with Memory(tmp_path / "memory", new.bundle.id) as memory:
        assert memory.count() == 149
        for seed in (1, 70, 149):
            best = memory.search(new.embed_photo(photo(seed)), 1)[0]
            assert best.source == str(seed) and best.score > 0.99
        assert memory.taught.nearest(new.embed_text("my mug"), "text") == ("mug", pytest.approx(1, abs=1e-3))
    assert sorted(p.name for p in (tmp_path / "memory").iterdir()) == ["memory.json", "store-1", "taught-1.json"]


def test_the_command(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["memory", *arguments])
        return (code, *capsys.readouterr())

    folder, copy = str(tmp_path / "first"), str(tmp_path / "copy")
    code, out, _ = run("count", "--folder", folder, "--json")
    assert code == 0 and json.loads(out) == {"memories": 10, "bundle": BUNDLE, "taught_names": ["mug"]}
    code, out, _ = run("list", "--folder", folder, "--label", "mug", "--json")
    assert code == 0 and [json.loads(line)["label"] for line in out.splitlines()] == ["mug"] * 2
    code, out, _ = run("import", "--folder", copy, str(exported))
    assert code == 0 and "imported: 10, were there: 0" in out
    code, _, err = run("forget", "--folder", copy)
    assert code == 2 and "nothing says what" in err
    code, out, _ = run("forget", "--folder", copy, "--label", "mug")
    assert code == 0 and "forgotten: 2" in out
    code, out, _ = run("count", "--folder", copy)
    assert "memories: 8" in out and "taught names: []" in out
    code, out, _ = run("export", "--folder", copy, str(tmp_path / "again.zip"))
    assert code == 0 and "exported: 8" in out
    code, _, err = run("count", "--folder", str(tmp_path / "nowhere"))
    assert code == 1 and "holds no memory" in err
    code, _, err = run("import", "--folder", str(tmp_path / "nowhere"), str(tmp_path / "no.zip"))
    assert code == 1 and "not an exported memory" in err and not (tmp_path / "nowhere").exists()
