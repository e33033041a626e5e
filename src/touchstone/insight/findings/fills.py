"""Rules about what fills were worth: a side that is picked off, fees that eat the edge, too few fills to say."""

import math

from touchstone.insight.findings.finding import Finding, Severity, rule, span_s
from touchstone.insight.readings import clustered
from touchstone.insight.readings.clustered import NOTHING, Estimate
from touchstone.insight.readings.fills import Fills, edge_bps
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.readings import Readings

FEWEST_FILLS = 10
TELLING_BPS = 1.0  # an edge that one would like to tell from zero


def _net(fills: Fills, fee_bps: float, side: int) -> tuple[Estimate, Estimate, Estimate]:
    """(markout at 10 s, edge, edge in money) of one side (0: both); weights equal, money by notional."""
    chosen = (fills.side == side) | (side == 0)
    blocks = fills.blocks()[chosen]
    gross = clustered.mean(fills.realised_bps[chosen, fills.horizon()], blocks)
    edge = edge_bps(fills, fee_bps)[chosen]
    net = clustered.mean(edge, blocks)
    by_money = clustered.mean(edge, blocks, fills.notional[chosen])
    return gross, net, by_money.times(float(fills.notional[chosen].sum()) / 1e4)


@rule(
    "toxic side",
    "Is a side filled mostly when the price is about to go through it?",
    f"at least {FEWEST_FILLS} fills of a side, mean markout at 10 s not above 0, and the 90 % interval (time blocks) "
    "of markout minus fee below 0",
)
def toxic_side(readings: Readings) -> list[Finding]:
    fills = readings.fills
    hit = []
    for name, side in (("bid", 1), ("ask", -1)):
        gross, net, money = _net(fills, readings.fee_bps, side)
        if net.n >= FEWEST_FILLS and net.high is not None and net.high < 0.0 and (gross.mean or 0.0) <= 0.0:
            hit.append((name, side, gross, net, money))
    if not hit:
        return []
    names = " and ".join(name for name, *_ in hit)
    evidence = []
    for name, side, gross, net, _ in hit:
        edge = edge_bps(fills, readings.fee_bps)[fills.side == side]
        share = float((edge[edge == edge] < 0.0).mean())
        evidence.append(
            f"{name}: markout at 10 s {gross.mean:+.2f} bps, minus fee {net.mean:+.2f} bps "
            f"({net.low:+.2f} to {net.high:+.2f}); {share:.0%} of {net.n:,} fills toxic"
        )
    other = [name for name in ("bid", "ask") if name not in names]
    for name in other:
        _, net, _ = _net(fills, readings.fee_bps, 1 if name == "bid" else -1)
        if net.mean is not None:
            evidence.append(f"{name}, for comparison: {net.mean:+.2f} bps over {net.n:,} fills")
    informed = (readings.result.get("informed_fills") or {}).get("share")
    if informed is not None:
        evidence.append(f"informed takers made {informed:.0%} of all our maker fills (the simulated market knows)")
    _, _, _, net, money = min(hit, key=lambda entry: entry[4].mean or 0.0)
    if len(hit) == 2:
        _, net, money = _net(fills, readings.fee_bps, 0)
    return [
        Finding(
            "toxic side",
            Severity.HIGH,
            f"{names} fills lose money: the price goes on through them",
            tuple(evidence),
            f"Quote the {names} farther away, or not at all while P(toxic) is high. By depth (below): if only "
            "near fills lose, widen; if all do, the signal that precedes them is missing (lead-lag, flow).",
            f"edge of the {names} fills at 10 s after fees",
            net,
            money,
        )
    ]


@rule(
    "fee-bound",
    "Does the fee eat what fills earn?",
    f"at least {FEWEST_FILLS} fills, mean markout at 10 s above 0, and less than the fee; where the whole 90 % "
    "interval (time blocks) after fees is below 0 it is high, else medium",
)
def fee_bound(readings: Readings) -> list[Finding]:
    fills = readings.fills
    gross, net, money = _net(fills, readings.fee_bps, 0)
    if net.n < FEWEST_FILLS or gross.mean is None or net.mean is None or gross.mean <= 0.0 or net.mean >= 0.0:
        return []
    volume, fees = float(fills.notional.sum()), float(fills.fee.sum())
    is_sure = net.high is not None and net.high < 0.0
    return [
        Finding(
            "fee-bound",
            Severity.HIGH if is_sure else Severity.MEDIUM,
            f"Fills earn {gross.mean:+.2f} bps and pay {gross.mean - net.mean:.2f} bps of fees",
            (
                f"markout at 10 s {_with_interval(gross)} before fees, {_with_interval(net)} after",
                f"fees paid {fees:,.4f} {readings.session.currency} on {volume:,.2f} of volume "
                f"({1e4 * fees / volume:.2f} bps)",
            ),
            f"Quote at least {abs(net.mean):.1f} bps farther away per side (`min_half_spread_bps`), earn a better fee "
            "tier, or choose a market whose fee fits its spread; `touchstone compare` says what each does to volume.",
            "edge of all fills at 10 s after fees",
            net,
            money,
        )
    ]


def _with_interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.mean:+.2f} bps"
    return f"{estimate.mean:+.2f} bps ({estimate.low:+.2f} to {estimate.high:+.2f})"


@rule(
    "too little data to say",
    "Can the edge be told from zero, and what would it take?",
    f"fewer than {FEWEST_FILLS} fills with a markout, fewer than {clustered.FEWEST_BLOCKS} time blocks with one, or a "
    "90 % interval of the edge that holds 0",
)
def too_little(readings: Readings) -> list[Finding]:
    warming = _warming(readings)
    action = "Do not change settings on this session. "
    try:
        _, net, money = _net(readings.fills, readings.fee_bps, 0)
    except NoDataError:
        net, money = NOTHING, NOTHING
    if net.n == 0:
        why = "no order was filled" if not readings.result.get("fills") else "no fill is 10 s old with a known mid"
        evidence = [why, *_not_quoting(readings), *warming]
        return [
            Finding(
                "too little data to say", Severity.INFO, f"Nothing can be said about edge: {why}", tuple(evidence),
                action + "If orders rested all along, quote closer or run longer; if not, a rule kept them out.",
                "edge of all fills at 10 s after fees",
            )
        ]  # fmt: skip
    if net.low is not None and net.high is not None and (net.low > 0.0 or net.high < 0.0) and net.n >= FEWEST_FILLS:
        return []
    evidence = [f"{net.n:,} fills in {net.blocks:,} time blocks of 30 s: edge {_with_interval(net)}"]
    needed = _needed(net)
    hours = span_s(readings) / 3600.0
    if needed is not None:
        rate = net.n / hours if hours > 0 else math.nan
        time = f", {needed / rate:,.0f} hours at this session's rate" if math.isfinite(rate) and rate > 0 else ""
        evidence.append(
            f"to tell {TELLING_BPS:g} bp from zero in 80 % of sessions: about {needed:,.0f} fills{time}; "
            f"this session could tell {_detectable(net):.1f} bps"
        )
        action += f"Collect about {needed:,.0f} fills, or compare settings in pairs (`touchstone compare`)."
    else:
        evidence.append("too few time blocks for an interval; the scale of the noise is not known yet")
        action += "Run longer: an interval needs 10 time blocks with a fill."
    return [
        Finding(
            "too little data to say",
            Severity.INFO,
            "The edge cannot be told from zero",
            (*evidence, *warming),
            action,
            "edge of all fills at 10 s after fees",
            net,
            money,
        )
    ]


def _needed(net: Estimate) -> float | None:
    """Fills at which 1 bp is told from zero with 80 % power, if noise falls with their root."""
    if net.se is None or net.blocks < clustered.FEWEST_BLOCKS:
        return None
    return net.n * (_detectable(net) / TELLING_BPS) ** 2


def _detectable(net: Estimate) -> float:
    """Minimum detectable edge, bps."""
    assert net.se is not None
    return clustered.minimum_detectable(net.se, net.blocks)


def _warming(readings: Readings) -> list[str]:
    cards = readings.result.get("models") or {}
    names = [name for name, card in cards.items() if card.get("verdict") in ("WARMING", "NO DATA")]
    if not names:
        return []
    return [f"{len(names)} of {len(cards)} models have too few independent outcomes: {', '.join(names)}"]


def _not_quoting(readings: Readings) -> list[str]:
    seconds = readings.result.get("not_quoting_s") or {}
    longest = sorted(seconds.items(), key=lambda entry: -entry[1])
    return [f"not quoting by rule {name}: {value:,.0f} s" for name, value in longest]
