"""Write serve/grafana.json, the dashboard of a service: python tools/dashboard.py

Grafana → Dashboards → Import; its data source is the Prometheus that scrapes Ray's nodes (docs/serving.md).
"""

import json
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent.parent / "serve" / "grafana.json"
RATE = "[$__rate_interval]"
FIRST = "histogram_quantile({q}, sum by (le, voice) (rate(ray_ganray_first_audio_seconds_bucket{F}{R})))"
FACTOR = "histogram_quantile({q}, sum by (le, voice) (rate(ray_ganray_real_time_factor_bucket{F}{R})))"
AUDIO = "sum by (voice) (rate(ray_ganray_audio_seconds_total{F}{R}))"
WORK = "sum by (voice) (rate(ray_ganray_work_seconds_total{F}{R}))"
STREAMS = "sum by (voice) (rate(ray_ganray_streams_total{F}{R}))"
DRY = "sum by (voice) (rate(ray_ganray_under_runs_total{F}{R}))"
BATCH = "histogram_quantile({q}, sum by (le, voice) (rate(ray_ganray_batch_frames_bucket{F}{R})))"
LOAD = "histogram_quantile(0.95, sum by (le, voice) (rate(ray_ganray_voice_load_seconds_bucket{F}{R})))"


def quantiles(query: str, *which: float) -> list[tuple[str, str]]:
    """A query for each, by voice."""
    return [(f"p{q * 100:g} {{{{voice}}}}", query.replace("{q}", str(q))) for q in which]


PANELS = [
    ("First audio", "s", quantiles(FIRST, 0.5, 0.95, 0.99)),
    ("Audio made, seconds a second", "none", [("{{voice}}", AUDIO)]),
    ("Streams a second, by their end", "reqps", [("{{end}}", STREAMS.replace("(voice)", "(end)"))]),
    ("Under-runs, share of streams", "percentunit", [("{{voice}}", f"{DRY} / {STREAMS}")]),
    ("Backlog, audio seconds", "s", [("{{voice}}", "sum by (voice) (ray_ganray_backlog_seconds{F})")]),
    ("Streams open", "none", [("{{voice}}", "sum by (voice) (ray_ganray_streams_open{F})")]),
    ("Real-time factor of a response", "none", quantiles(FACTOR, 0.5, 0.95)),
    ("Speed, audio seconds a second of work", "none", [("{{voice}}", f"{AUDIO} / {WORK}")]),
    ("Batch size, frames a call", "none", quantiles(BATCH, 0.5, 0.95)),
    ("Replicas", "none", [("{{deployment}}", "sum by (deployment) (ray_serve_deployment_replica_healthy)")]),
    ("Replicas that hold a voice", "none", [("{{voice}}", "sum by (voice) (ray_ganray_voices_loaded{F})")]),
    ("Time to load a voice, p95", "s", [("{{voice}}", LOAD)]),
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
