"""What Prometheus is told of a session: one list of metrics, from which the endpoint and docs/metrics.md are made.

The values are those of the result and the status (watch.standing), the same that every other reader shows. What is not
known is left out, never zero.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from touchstone.insight.words import SCORES
from touchstone.watch.standing import Standing

PREFIX = "touchstone_"
PNL_LINES = ("total", "spread_capture", "adverse_selection", "post_horizon", "opening_inventory", "fees", "funding")
RISK_STATES = ("normal", "reduce_only", "pulled", "killed")
VERDICTS = ("NO DATA", "WARMING", "ADDS VALUE", "NOT PROVEN", "HARMFUL", "FIXABLE")
QUANTILES = (("0.5", "p50_us"), ("0.99", "p99_us"))

Labelled = tuple[tuple[str, ...], float | None]


@dataclass(frozen=True)
class Metric:
    """A metric: what it counts, its labels beside `coin`, and its values of a standing. Counters end in `_total`."""

    name: str
    help: str
    values: Callable[[Standing], Iterable[Labelled]]
    labels: tuple[str, ...] = ()
    is_counter: bool = False


def _one(*path: str) -> Callable[[Standing], Iterator[Labelled]]:
    """One value: `result` or `status`, then keys."""

    def values(standing: Standing) -> Iterator[Labelled]:
        found: Any = standing.result if path[0] == "result" else standing.status
        for key in path[1:]:
            found = (found or {}).get(key)
        yield (), found

    return values


def _up(standing: Standing) -> Iterator[Labelled]:
    yield (), float(standing.phase == "running")


def _pnl(standing: Standing) -> Iterator[Labelled]:
    for line in PNL_LINES:
        yield (line,), (standing.result.get("pnl") or {}).get(line)


def _markouts(standing: Standing) -> Iterator[Labelled]:
    for row in standing.result.get("markouts") or ():
        yield (row["side"], f"{row['horizon_s']:g}"), row["bps"]


def _risk_state(standing: Standing) -> Iterator[Labelled]:
    state = (standing.result.get("risk") or {}).get("state")
    for name in RISK_STATES if state else ():
        yield (name,), float(state == name)


def _quoting(standing: Standing) -> Iterator[Labelled]:
    for side in standing.result.get("quoting") or ():
        yield (side["side"],), float(side["reason"] is None)


def _of_models(value: Callable[[dict[str, Any]], Any]) -> Callable[[Standing], Iterator[Labelled]]:
    def values(standing: Standing) -> Iterator[Labelled]:
        for name, card in (standing.result.get("models") or {}).items():
            yield (name,), value(card)

    return values


def _verdicts(standing: Standing) -> Iterator[Labelled]:
    for name, card in (standing.result.get("models") or {}).items():
        for verdict in VERDICTS:
            yield (name, verdict), float(card.get("verdict") == verdict)


def _score(card: dict[str, Any]) -> Any:
    return next((card[key] for key in SCORES if card.get(key) is not None), None)


def latency(standing: Standing) -> dict[str, Any]:
    """Durations of a live session, while it runs and after; empty for one without sockets."""
    found: dict[str, Any] = (standing.result.get("live") or {}).get("latency") or standing.status.get("latency") or {}
    return found


def _latency(which: str) -> Callable[[Standing], Iterator[Labelled]]:
    def values(standing: Standing) -> Iterator[Labelled]:
        summary = latency(standing).get(which) or {}
        for quantile, key in QUANTILES:
            us = summary.get(key)
            yield (quantile,), None if us is None else us / 1e6

    return values


def _requests(standing: Standing) -> Iterator[Labelled]:
    quotes = standing.result.get("quotes") or {}
    for kind in ("placed", "amended", "cancelled", "rejected"):
        yield (kind,), quotes.get(kind)


def _core_alerts(standing: Standing) -> Iterator[Labelled]:
    for name, count in (standing.result.get("alerts") or {}).items():
        yield (name,), count


METRICS = (
    Metric("up", "1 while the session runs and writes how it stands", _up),
    Metric("connected", "1 while it is connected to the exchange", _one("status", "connected")),
    Metric("position", "signed position, units of the coin", _one("status", "position")),
    Metric("mid", "mid price of the market net of our orders", _one("status", "mid")),
    Metric("pnl", "profit and its parts since the start, units of the collateral; signs as in docs/json.md", _pnl,
           ("line",)),
    Metric("volume_total", "notional traded, units of the collateral", _one("result", "volume"), is_counter=True),
    Metric("fills_total", "fills", _one("result", "fills"), is_counter=True),
    Metric("toxic_fills_total", "fills that lost more than their fee at 10 s", _one("result", "toxic_fills", "n"),
           is_counter=True),
    Metric("edge_per_fill_bps", "realised half-spread minus fee at 10 s, mean", _one("result", "edge_per_fill", "bps")),
    Metric("markout_bps", "realised half-spread after our fills, mean, positive = good for us", _markouts,
           ("side", "horizon_s")),
    Metric("orders", "orders of ours that may rest", _one("status", "orders")),
    Metric("requests_total", "orders placed, amended, cancelled, rejected", _requests, ("kind",), is_counter=True),
    Metric("quoting", "1 while the side is quoted", _quoting, ("side",)),
    Metric("risk_state", "1 for the risk state that holds", _risk_state, ("state",)),
    Metric("quota_headroom_percent", "requests left of the allowance", _one("status", "quota", "headroom_pct")),
    Metric("quota_used", "requests used of the allowance", _one("status", "quota", "used")),
    Metric("equity", "account value by the exchange's word, units of the collateral",
           _one("status", "account", "equity")),
    Metric("free_margin_share", "free share of the margin", _one("status", "account", "free_margin_share")),
    Metric("events_total", "events of the market taken in", _one("result", "events"), is_counter=True),
    Metric("model_samples_total", "scored outcomes", _of_models(lambda card: card.get("n")), ("model",),
           is_counter=True),
    Metric("model_predictions_total", "predictions made", _of_models(lambda card: card.get("made")), ("model",),
           is_counter=True),
    Metric("model_score", "mean score: Brier, CRPS (bps), squared error (bps^2) or -ln p (nats), lower is better",
           _of_models(_score), ("model",)),
    Metric("model_skill", "1 - score / baseline score", _of_models(lambda card: card.get("bss")), ("model",)),
    Metric("model_influence", "share of its bold part that the model may use",
           _of_models(lambda card: card.get("influence")), ("model",)),
    Metric("model_degraded", "1 after the degradation alarm",
           _of_models(lambda card: float(bool(card.get("degraded")))), ("model",)),
    Metric("model_verdict", "1 for the verdict that holds", _verdicts, ("model", "verdict")),
    Metric("step_seconds", "from a message's receipt to its orders written, by the wall", _latency("step"),
           ("quantile",)),
    Metric("timer_late_seconds", "how late the trader's timer came, by the wall", _latency("timer_late"),
           ("quantile",)),
    Metric("core_alerts_total", "alerts of the core by name", _core_alerts, ("name",), is_counter=True),
)  # fmt: skip


class Sessions(Collector):
    """Collects the standing of one session at each scrape."""

    def __init__(self, read: Callable[[], Standing]) -> None:
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Every metric with the values that are known."""
        standing = self._read()
        coin = str(standing.result.get("coin") or "")
        for metric in METRICS:
            kind = CounterMetricFamily if metric.is_counter else GaugeMetricFamily
            family = kind(PREFIX + metric.name.removesuffix("_total"), metric.help, labels=["coin", *metric.labels])
            for labels, value in metric.values(standing):
                if value is not None:
                    family.add_metric([coin, *labels], float(value))
            yield family


def exposition(read: Callable[[], Standing]) -> bytes:
    """The text that Prometheus scrapes."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Sessions(read))
    return generate_latest(registry)


def reference() -> str:
    """docs/metrics.md."""
    rows = [
        f"| `{PREFIX}{metric.name}` | {'counter' if metric.is_counter else 'gauge'} | "
        f"{', '.join(f'`{label}`' for label in ('coin', *metric.labels))} | {metric.help} |"
        for metric in METRICS
    ]
    return "\n".join([_HEAD, *rows]) + "\n"


_HEAD = """# Metrics

Written by `python -m touchstone.watch.metrics`; do not edit. The process of the [dashboard](dashboard.md) serves them
at `/metrics` of its address, in Prometheus' text format; `touchstone dashboard --no-pages` serves nothing else. A name
is never given another meaning. What is not known is left out, never zero. Times are of the wall, whatever the
exchange's speed.
`examples/grafana.json` is a Grafana dashboard over them.

```yaml
scrape_configs:
  - job_name: touchstone
    scrape_interval: 5s
    static_configs: [{targets: ["127.0.0.1:8480"]}]
```

| name | kind | labels | what |
|---|---|---|---|"""


if __name__ == "__main__":
    print(reference(), end="")
