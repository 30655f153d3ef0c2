# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The answers to a bag's queries as one HTML page with all pictures inside, to look at or to print."""

from __future__ import annotations

import base64
import html
from typing import Any

import cv2
import numpy as np

from visual_byte_core.bags.replay import AnsweredQuery

PICTURE_SIDE = 112  # pixels of a rendered query on the page
GOOD = ("right", "rightly not found")
STYLE = """
:root { --ink: #1c2330; --soft: #667085; --line: #d8dde6; --good: #1a7f4b; --bad: #b3261e; --mark: #2457c5; }
* { box-sizing: border-box; }
body { font: 14px/1.45 system-ui, "Noto Sans", "Noto Sans KR", sans-serif; color: var(--ink); max-width: 1000px;
  margin: 24px auto; padding: 0 20px; }
h1 { font-size: 22px; margin: 0 0 2px; } h2 { font-size: 16px; margin: 26px 0 8px; }
p.soft, .soft { color: var(--soft); } p.warn { color: var(--bad); }
table { border-collapse: collapse; } .tables { display: flex; flex-wrap: wrap; gap: 12px 40px; }
th, td { text-align: right; padding: 3px 12px 3px 0; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; }
th { font-weight: 600; color: var(--soft); } th:first-child, td:first-child { text-align: left; }
article { display: flex; gap: 14px; border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px;
  margin: 10px 0; break-inside: avoid; }
article > div { min-width: 0; flex: 1; } article img { display: block; border-radius: 4px; }
.query { width: 112px; height: 112px; flex: none; }
.none { background: #eef0f4; color: var(--soft); display: flex; align-items: center; justify-content: center;
  border-radius: 4px; font-size: 12px; }
h3 { font-size: 15px; margin: 0; overflow-wrap: anywhere; }
.badge { display: inline-block; border: 1px solid currentColor; border-radius: 10px; padding: 0 8px; font-size: 12px;
  font-weight: 600; color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); }
ol { display: grid; grid-template-columns: repeat(5, 1fr); gap: 10px; list-style: none; margin: 8px 0 0; padding: 0; }
li { min-width: 0; font-size: 12px; line-height: 1.3; overflow-wrap: anywhere; } li.under { opacity: .62; }
li img { height: 84px; max-width: 100%; object-fit: contain; object-position: left; }
.axis { position: relative; height: 6px; background: #eef0f4; border-radius: 3px; margin: 5px 0 3px; }
.axis i { position: absolute; left: 0; top: 0; bottom: 0; background: var(--mark); border-radius: 3px; }
.axis b { position: absolute; top: -3px; bottom: -3px; width: 2px; background: var(--bad); }
@media (max-width: 640px) { ol { grid-template-columns: repeat(3, 1fr); } }
@page { margin: 14mm; }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 11px; } article { border-color: #999; }
  .query { width: 84px; height: 84px; } li { font-size: 9.5px; } li img { height: 64px; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def head(title: str) -> str:
    """The beginning of the page; `overview`, an `answer_card` for each query and `foot` follow."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>\n<h1>{html.escape(title)}</h1>\n"
    )


def overview(report: dict[str, Any]) -> str:
    """The numbers of a report."""
    counts, frames, bag = report["counts"], report["frames"], report["bag"]
    lines = [
        f'<p class="soft">{html.escape(report["bundle"])} · {bag["seconds"]:g} s · {frames["remembered"]} frames'
        f" remembered as {frames['memories']} memories · {counts['queries']} queries</p>"
    ]
    if bag["cut"]:
        lines.append(f'<p class="warn">{html.escape(bag["cut"])}</p>')
    if bag["jumped_back"]:
        jumps = ", ".join(f"{topic} {times} times" for topic, times in bag["jumped_back"].items())
        lines.append(f'<p class="warn">Stamps jumped back: {html.escape(jumps)}</p>')
    rows = [
        [pair.replace("_", " "), numbers["n"], _share(numbers["r1"]), _share(numbers["r5"])]
        for pair, numbers in report["retrieval"].items()
        if numbers["n"]
    ]
    absent = [
        [kind, numbers["n"], _share(numbers["far"]), _share(numbers["frr"]), _share(numbers["auroc"])]
        for kind, numbers in report["not_found"]["absent"].items()
        if numbers["n"] or numbers["frr"] is not None
    ]
    verdicts = [[verdict, count] for verdict, count in report["verdicts"].items()]
    answers = [[status.replace("_", " "), counts[status]] for status in ("found", "not_found", "rejected")]
    lines.append('<div class="tables">')
    lines.append(_table(["Answers", "n"], answers))
    if verdicts:
        lines.append(_table(["By the truth file", "n"], verdicts))
    if rows:
        lines.append(_table(["What had been seen", "n", "R@1", "R@5"], rows))
    if absent:
        lines.append(_table(["What had not", "n", "false accepts", "false refusals", "AUROC"], absent))
    lines.append("</div>\n<h2>Queries</h2>\n")
    lines.append(
        '<p class="soft">Left the query as the network sees it, then the nearest memories, best first. The bar is the'
        " cosine score from 0 to 1, the red line the threshold; what lies under it is pale. Seconds count from the"
        " bag's first message.</p>\n"
    )
    return "\n".join(lines)


def answer_card(asked: AnsweredQuery) -> str:
    """One query with what was found."""
    record = asked.record
    words = record["text"] or f"a {'spoken name' if record['modality'] == 'audio' else record['modality']}"
    verdict = record.get("verdict", "")
    tone = "" if not verdict else "good" if verdict in GOOD else "bad"
    expected = ""
    if "asked" in record:
        expected = f" · expected: {', '.join(record['asked']) if record['asked'] else 'nothing, it is absent'}"
        if record["asked"] and not record["present"]:
            expected += " (not seen yet)"
    picture = '<div class="query none">no picture</div>'
    if asked.picture is not None:
        picture = f'<img class="query" alt="query" src="{_data_uri(_reduced(asked.picture))}">'
    under = len(record["matches"])
    matches = "".join(
        _match(match, jpeg, record["threshold"], i >= under)
        for i, (match, jpeg) in enumerate(zip(record["nearest"], asked.thumbnails, strict=True))
    )
    reason = f'<div class="soft">{html.escape(record["reason"])}</div>' if record["reason"] else ""
    badge = ": ".join(filter(None, (record["status"].replace("_", " "), verdict)))
    return (
        f'<article>{picture}<div><h3>{html.escape(words)} <span class="badge {tone}">{badge}</span></h3>'
        f'<div class="soft">{record["time"]:.2f} s · {html.escape(record["modality"])}'
        f"{html.escape(expected)}</div>{reason}<ol>{matches}</ol></div></article>\n"
    )


def foot() -> str:
    """The end of the page, HTML."""
    return "</body></html>\n"


def _match(match: dict[str, Any], jpeg: bytes, threshold: float, under: bool) -> str:
    picture = f'<img alt="{match["memory"]}" src="{_data_uri(jpeg)}">' if jpeg else ""
    name = ", ".join(match.get("shows", [])) or match["label"] or match["memory"]
    seen = f"{match['last_seen']:.1f} s" if match["times"] == 1 else (
        f"{match['first_seen']:.1f} to {match['last_seen']:.1f} s, {match['times']} times"
    )  # fmt: skip
    place = ""
    if match["pose"]:
        x, y, z = match["pose"][:3]
        place = f"<br>at {x:.2f}, {y:.2f}, {z:.2f} m {html.escape(match['pose_frame'])} {html.escape(match['map_id'])}"
    return (
        f'<li{" class=under" if under else ""}>{picture}<div class="axis">'
        f'<i style="width:{_percent(match["score"])}"></i><b style="left:{_percent(threshold)}"></b></div>'
        f"<strong>{html.escape(name)}</strong><br>score {match['score']:.3f}"
        f"<br>probability {match['probability']:.2f}"
        f'<br><span class="soft">seen {seen}{place}</span></li>'
    )


def _table(header: list[str], rows: list[list[Any]]) -> str:
    cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(score: float) -> str:
    return f"{100 * min(1.0, max(0.0, score)):.1f}%"


def _reduced(picture: np.ndarray) -> bytes:
    small = cv2.resize(picture, (PICTURE_SIDE, PICTURE_SIDE), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
