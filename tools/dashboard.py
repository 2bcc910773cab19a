"""Write serve/grafana.json, the dashboard of a service: python tools/dashboard.py

Grafana → Dashboards → Import; its data source is the Prometheus that scrapes Ray's nodes (docs/serving.md).
"""

import json
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent.parent / "serve" / "grafana.json"
RATE = "[$__rate_interval]"
FIRST = "histogram_quantile({q}, sum by (le, voice) (rate(ray_ganray_first_audio_seconds_bucket{F}{R})))"
FACTOR = "histogram_quantile({q}, sum by (le) (rate(ray_ganray_real_time_factor_bucket{F}{R})))"
AUDIO = "sum by (voice) (rate(ray_ganray_audio_seconds_total{F}{R}))"
WORK = "sum by (voice) (rate(ray_ganray_work_seconds_total{F}{R}))"
STREAMS = "sum by (voice) (rate(ray_ganray_streams_total{F}{R}))"
DRY = "sum by (voice) (rate(ray_ganray_under_runs_total{F}{R}))"
BLOCKS = "sum(rate(ray_ganray_block_seconds_sum{F}{R})) / sum(rate(ray_ganray_block_seconds_count{F}{R}))"
PANELS = [
    ("First audio", "s", [(f"p{q * 100:g} {{{{voice}}}}", FIRST.replace("{q}", str(q))) for q in (0.5, 0.95, 0.99)]),
    ("Audio made, seconds a second", "none", [("{{voice}}", AUDIO)]),
    ("Streams a second, by their end", "reqps", [("{{end}}", STREAMS.replace("(voice)", "(end)"))]),
    ("Under-runs, share of streams", "percentunit", [("{{voice}}", f"{DRY} / {STREAMS}")]),
    ("Backlog, audio seconds", "s", [("all", "sum(ray_ganray_backlog_seconds)")]),
    ("Real-time factor of a response", "none", [(f"p{q * 100:g}", FACTOR.replace("{q}", str(q))) for q in (0.5, 0.95)]),
    ("Speed, audio seconds a second of work", "none", [("{{voice}}", f"{AUDIO} / {WORK}")]),
    ("Block length", "s", [("mean", BLOCKS)]),
    ("Replicas", "none", [("{{deployment}}", "sum by (deployment) (ray_serve_deployment_replica_healthy)")]),
    ("Voices in memory, a replica", "none", [("{{replica}}", "ray_ganray_voices_loaded")]),
]


def dashboard() -> dict[str, Any]:
    """The document."""
    panels = [_panel(number, *panel) for number, panel in enumerate(PANELS)]
    source = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    everything = {"text": "All", "value": "$__all"}
    voice = {
        "name": "voice",
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "query": "label_values(ray_ganray_audio_seconds_total, voice)",
        "includeAll": True,
        "multi": True,
        "refresh": 2,
        "current": everything,
    }
    return {
        "title": "ganray: speech",
        "uid": "ganray-speech",
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "10s",
        "templating": {"list": [source, voice]},
        "panels": panels,
    }


def _panel(number: int, title: str, unit: str, queries: list[tuple[str, str]]) -> dict[str, Any]:
    targets = []
    for letter, (legend, query) in zip("ABC", queries, strict=False):
        query = query.replace("{F}", '{voice=~"$voice"}').replace("{R}", RATE)
        targets.append({"refId": letter, "legendFormat": legend, "expr": query})
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


if __name__ == "__main__":
    OUT.write_text(json.dumps(dashboard(), indent=1) + "\n", encoding="utf-8")
