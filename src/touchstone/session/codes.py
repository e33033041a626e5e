"""What the codes in the tables of a session mean, and who wrote them: kept in the session itself."""

from touchstone import __version__
from touchstone.core import actions, conventions, records
from touchstone.core.jit import CACHE_DIR
from touchstone.core.market.funding import ORACLE_NAMES
from touchstone.core.market.leadlag import REFERENCE_NAMES
from touchstone.core.market.regime import REGIME_NAMES
from touchstone.core.phases.triggers import TRIGGER_NAMES
from touchstone.core.quoting.ladder import NO_QUOTE_NAMES
from touchstone.core.quoting.params import TERM_NAMES
from touchstone.core.targets import DECIDED_NAMES, TARGET_NAMES
from touchstone.core.trading.breakers import REASON_NAMES, STATE_NAMES
from touchstone.data.units import Coin

_NAMES: dict[str, tuple[str, ...]] = {
    "target": TARGET_NAMES,
    "decided": DECIDED_NAMES,
    "alert": records.ALERT_NAMES,
    "risk_state": STATE_NAMES,
    "risk_reason": REASON_NAMES,
    "no_quote": NO_QUOTE_NAMES,
    "trigger": TRIGGER_NAMES,
    "term": TERM_NAMES,
    "regime": REGIME_NAMES,
    "oracle": ORACLE_NAMES,
    "reference": REFERENCE_NAMES,
    "prediction_kind": records.KIND_NAMES,
    "action": ("", "place", "amend", "cancel", "cancel_all"),
    "order_reason": actions.REASON_NAMES,
    "markout_horizon_s": tuple(f"{ns / conventions.NS:g}" for ns in conventions.MARKOUT_HORIZONS_NS),
    "fill_horizon_s": tuple(f"{ns / conventions.NS:g}" for ns in conventions.FILL_HORIZONS_NS),
    "depth_edge_bps": tuple(f"{edge:g}" for edge in conventions.DEPTH_EDGES_BPS),
}


def codes() -> list[tuple[str, int, str]]:
    """(kind, code, name) of every code; the kinds that end in a unit stand for numbers."""
    return [(kind, code, name) for kind, names in _NAMES.items() for code, name in enumerate(names)]


def about(coin: Coin) -> dict[str, str]:
    """Who writes a session: market, program, hash of the compiled sources, version of the models."""
    return {
        "coin": coin.name,
        "sz_decimals": str(coin.sz_decimals),
        "currency": coin.collateral,
        "core": CACHE_DIR.name,
        "version": __version__,
        "model_version": str(int(records.MODEL_VERSION)),
    }
