# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The model card of a bundle, in Markdown, from what `bundle.yaml` holds and nothing else.

- `metrics`: {title of a data set: {"command": how it was measured, "float32": report, "int8": report}} with reports of
  `visual-byte evaluate`; a precision that was not measured is left out. An entry of studies/card_rows.py has `rows`
  instead of reports: {"measured", "on", "int8", "float32", "queries", "options" of `visual-byte evaluate`}; one of
  `visual-byte refusal` has `refusal`, rows of `refusal_rows`, their `rates`, and the name of a `picture`
- `training`: {"data": [{"name", "items", "licence", "source"}], "commands": [...], any other key: plain value}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

PAIRS = {
    "text_to_image": "typed name to photo",
    "audio_to_image": "spoken name to photo",
    "image_to_image": "photo to photo",
    "image_to_text": "photo to typed name",
    "audio_to_text": "spoken name to typed name",
}
PRECISIONS = {"float32": "float32", "int8": "INT8"}
ABSENT = {
    "far": "false accepts",
    "frr": "false refusals",
    "far_at_frr_05": "false accepts at .05 false refusals",
    "auroc": "AUROC",
}
MODALITIES = {"text": "typed", "audio": "spoken", "image": "photo"}


def model_card(document: Mapping[str, Any]) -> str:
    """Markdown text of the card. `document`: the content of `bundle.yaml`."""
    sections = [_summary(document)]
    sections += [_measured(title, entry) for title, entry in document["metrics"].items()]
    sections += [_not_found_curve(kind, v["curve"]) for kind, v in document["calibration"].items() if "curve" in v]
    sections += [_false_refusals(document["calibration"])]
    sections += [_training(document["training"]), _quantization(document["quantization"])]
    sections += [_names(document["class_names"])]
    return "\n\n".join(section for section in sections if section) + "\n"


def _summary(document: Mapping[str, Any]) -> str:
    size = document["renderer"]["size"]
    text_renderer = document["renderer"]["text"]["renderer"]
    rows = [
        ("bundle", f"`{document['id']}`"),
        ("backbone", f"{document['backbone']}, {_precision(document['quantization'])}"),
        ("input", f"`pixels` float32 [n, 3, {size}, {size}], RGB, normalized as `bundle.yaml` says"),
        ("outputs", f"`embedding` [n, {document['dimension']}], unit length; `embedding_map`, the same for every cell"),
        ("renderer", f"`{document['renderer_digest']}`; typed names as `{text_renderer}` textures{_middle(document)}"),
        ("names", f"{len(document['class_names'])} trained"),
        ("SHA-256", "<br>".join(f"`{name}` `{digest}`" for name, digest in document["files"].items())),
    ]
    return (
        f"# {document['name']}\n\nA Visual Byte bundle: one network that embeds photos, typed names and spoken names, "
        f"each rendered as an image, so that a robot finds what it has seen by name.\n\n{_table(('', ''), rows)}\n\n"
        "`visual-byte find --bundle THIS_FOLDER --images PHOTOS banana` tries it. Scores are cosines of whole "
        "pictures: it finds what fills the view, and it knows the names below."
    )


def _middle(document: Mapping[str, Any]) -> str:
    middle = document["renderer"]["photo"].get("middle")
    return f"; photos with their mirrored middle, {middle:g} of the side" if middle else ""


def _precision(quantization: Mapping[str, Any]) -> str:
    return quantization.get("precision", "INT8") if quantization else "float32"


def glance_table(entry: Mapping[str, Any]) -> str:
    """The rows of an entry as a table, and below it how each was measured."""
    rows = entry["rows"]
    precisions = {key: label for key, label in PRECISIONS.items() if any(key in row for row in rows)}
    table = _table(
        ("measured", *precisions.values(), "queries", "on"),
        [(row["measured"], *(_number(row.get(p)) for p in precisions), row["queries"], row["on"]) for row in rows],
    )
    options = list(dict.fromkeys(row["options"] for row in rows if row["options"]))
    return f"{table}\n\n    {entry['command']}\n    # visual-byte evaluate with:\n" + "\n".join(
        f"    #   {one}" for one in options
    )


def _measured(title: str, entry: Mapping[str, Any]) -> str:
    if "rows" in entry:
        return f"## Measured: {title}\n\n{glance_table(entry)}"
    if "refusal" in entry:
        return f"## Measured: {title}\n\n{_refusal(entry)}"
    reports = {label: entry[key] for key, label in PRECISIONS.items() if key in entry}
    tables = [_counts(reports), _retrieval(reports), _parts(reports), _absent(reports), _latency(reports)]
    command = f"    {entry['command']}" if entry.get("command") else ""
    return "\n\n".join(text for text in (f"## Measured: {title}", *tables, command) if text)


def _refusal(entry: Mapping[str, Any]) -> str:
    header = ["asked", "memories", "AUROC known", "AUROC never"]
    header += [f"{what} at {rate:g}" for rate in entry["rates"] for what in ("known", "never", "refused")]
    rows = [
        (
            MODALITIES[row["asked"]],
            row["memories"],
            *(_number(row["auroc"][what]) for what in ("known", "never")),
            *(_number(row[what][i]) for i in range(len(entry["rates"])) for what in ("known", "never", "refused")),
            _number(row["calibration_error"]),
        )
        for row in entry["refusal"]
    ]
    said = (
        "Known: known names that are absent and taken for found; never: words never trained that are; refused: things "
        "that are there and are refused; each at a `false_accept_rate`. Error: expected calibration error of "
        "`Match.probability`, half of the things asked for being absent."
    )
    picture = f"![Right matches by probability; false refusals by false accepts; promises]({entry['picture']})"
    command = f"    {entry['command']}" if entry["command"] else ""
    return "\n\n".join(filter(None, (said, _table([*header, "error"], rows), picture, command)))


def _counts(reports: Mapping[str, Any]) -> str:
    counts: Mapping[str, int] = next((report["counts"] for report in reports.values() if "counts" in report), {})
    return ", ".join(f"{value} {key}" for key, value in counts.items())


def _retrieval(reports: Mapping[str, Any]) -> str:
    header = ["asked", *(f"{label} R@{k}" for k in (1, 5) for label in reports), "queries"]
    rows = []
    for pair, words in PAIRS.items():
        results = [report["retrieval"][pair] for report in reports.values() if pair in report.get("retrieval", {})]
        if len(results) == len(reports) and results:
            shares = [_number(result[k]) for k in ("r1", "r5") for result in results]
            rows.append((words, *shares, results[0]["n"]))
    return _table(header, rows)


def _parts(reports: Mapping[str, Any]) -> str:
    rows = [
        (label, scene.replace("_", " "), _number(found["hit_rate"]), _number(found["chance"]), found["n"])
        for label, report in reports.items()
        for scene, found in report.get("parts", {}).items()
    ]
    return _table(("precision", "scenes", "peak of the map in the right part", "by chance", "names asked"), rows)


def _absent(reports: Mapping[str, Any]) -> str:
    rows = [
        (label, kind.replace("_", " "), MODALITIES[modality], *(_number(rates[key]) for key in ABSENT), rates["n"])
        for label, report in reports.items()
        for kind, modalities in report.get("not_found", {}).items()
        for modality, rates in modalities.items()
    ]
    return _table(("precision", "absent names", "asked", *ABSENT.values(), "n"), rows)


def _latency(reports: Mapping[str, Any]) -> str:
    rows = [
        (label, step, _number(times["p50"]), _number(times["p95"]))
        for label, report in reports.items()
        for step, times in report.get("latency_ms", {}).items()
    ]
    return _table(("precision", "step", "p50 ms", "p95 ms"), rows)


def _not_found_curve(modality: str, curve: Mapping[str, Any]) -> str:
    rows = [tuple(map(_number, row)) for row in zip(curve["threshold"], curve["far"], curve["frr"], strict=True)]
    return (
        f"## Not found, {MODALITIES[modality]} names, {curve['memories']} memories\n\n"
        f"{_table(('threshold', 'false accepts', 'false refusals'), rows)}"
    )


def _false_refusals(calibration: Mapping[str, Any]) -> str:
    """What a rate of false accepts costs, by the number of memories.

    Nothing if the bundle was calibrated before it was told.
    """
    told = {kind: values for kind, values in calibration.items() if "false_refusals" in values}
    if not told:
        return ""
    rates = next(iter(told.values()))["false_accept_rates"]
    rows = [
        (MODALITIES[kind], f"{memories:g}", *map(_number, refused))
        for kind, values in told.items()
        for memories, refused in zip(values["memories"], values["false_refusals"], strict=True)
    ]
    header = ("asked", "memories", *(f"at {rate:g}" for rate in rates))
    return (
        "## False refusals that go with `false_accept_rate`\n\n"
        f"Of the calibration part, where known names that are absent and words that name nothing weigh the same.\n\n"
        f"{_table(header, rows)}"
    )


def _training(training: Mapping[str, Any]) -> str:
    if not training:
        return ""
    data = [(row["name"], row["items"], row["licence"], row["source"]) for row in training.get("data", [])]
    other = [(key.replace("_", " "), value) for key, value in training.items() if key not in ("data", "commands")]
    commands = "\n".join(f"    {command}" for command in training.get("commands", []))
    tables = [_table(("data", "items", "licence", "source"), data), _table(("", ""), other), commands]
    return "\n\n".join(["## Training", *filter(None, tables)])


def _quantization(quantization: Mapping[str, Any]) -> str:
    if not quantization:
        return ""
    rows = [(key.replace("_", " "), value) for key, value in quantization.items() if key != "probe"]
    return f"## Quantization\n\n{_table(('', ''), rows)}"


def _names(names: Sequence[Mapping[str, str]]) -> str:
    return "## Names\n\n" + ", ".join(f"{name['en']} ({name['ko']})" if name["ko"] else name["en"] for name in names)


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [_row(row) for row in rows]
    return "\n".join([_row(header), "|" + " --- |" * len(header), *lines]) if lines else ""


def _row(cells: Sequence[Any]) -> str:
    texts = (f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in cells)
    return "| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in texts) + " |"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"  # a report says None where there was nothing to count
