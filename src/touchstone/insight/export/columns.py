"""Every column of the exported tables: where it comes from, its unit, what it means; docs/export.md is written from it.

A session's database holds whole numbers of venue units and codes; an export times, prices, sizes, money and names.
"""

from touchstone.insight.export.column import Column, each

FILL_S, MARKOUT_S, FAIR_S = ("1s", "10s", "60s"), ("0.5s", "1s", "2s", "5s", "10s", "30s"), ("1s", "10s")
SIDES = ("bid", "ask")
LEVELS = 8
MODELS = (
    *("fill_1s", "fill_10s", "fill_60s"),
    *("adverse_0.5s", "adverse_1s", "adverse_2s", "adverse_5s", "adverse_10s", "adverse_30s", "toxic_10s"),
    *("fair_1s", "fair_10s", "lag_1s", "lag_move_1s", "lag_move_10s", "toxic_signals_10s", "belief_10s", "edge_10s"),
)
REGIMES = ("quiet", "normal", "volatile", "cascade")
PARTS = (*REGIMES, "new_run", "old_run", "fast")  # of the density of the mid's next move
SIGNALS = ("imbalance", "ofi", "flow", "oracle_gap", "funding", "leader", "regime", "change")
TERMS = (
    *("base", "inventory", "fee", "adverse", "fair", "lag", "staleness", "regime", "funding", "oracle", "edge"),
    "clamp",
)

_SNAPSHOT = [
    Column("{}_t_ns", "{}_at", "time", "when the signals were taken"),
    Column("{}_mid2", "{}_mid", "mid", "mid then"),
    Column("{}_displacement_bps", "{}_displacement_bps", "bps", "microprice minus mid"),
    Column("{}_sigma", "{}_sigma", "vol", "volatility"),
    Column("{}_imbalance", "{}_imbalance", "number", "book imbalance, -1 to 1"),
    Column("{}_flow_z", "{}_flow_z", "number", "trade flow, standardised"),
    Column("{}_lag_gap_bps", "{}_lag_gap_bps", "bps", "move of the reference that our mid had not followed"),
    Column("{}_lag_move_bps", "{}_lag_move_bps", "bps", "predicted move of the mid from it"),
    Column("{}_depth_bps", "{}_depth_bps", "bps", "distance of the order from the mid"),
    Column("{}_queue_ahead", "{}_queue_ahead", "size", "size ahead of the order"),
    Column("{}_p_toxic_0", "{}_p_toxic_bid", "share", "P(a bid fill is toxic)"),
    Column("{}_p_toxic_1", "{}_p_toxic_ask", "share", "P(an ask fill is toxic)"),
    Column("{}_regime", "{}_regime", "code:regime", "kind of market"),
    Column("{}_ofi", "{}_ofi", "number", "order flow imbalance over 5 s, in mean touch sizes"),
    Column("{}_p_change", "{}_p_change", "share", "P(another kind of market since 10 s)"),
    Column("{}_oracle_gap_bps", "{}_oracle_gap_bps", "bps", "oracle above mid; null: not known"),
    Column("{}_toxicity_p_0", "{}_toxicity_p_bid", "share", "P(toxic bid) given the signals"),
    Column("{}_toxicity_p_1", "{}_toxicity_p_ask", "share", "P(toxic ask) given the signals"),
]


def _snapshot(prefix: str, words: str) -> list[Column]:
    return [
        Column(one.source.format(prefix), one.name.format(prefix), one.kind, f"{words}: {one.meaning}")
        for one in _SNAPSHOT
    ]


TABLES: dict[str, list[Column]] = {
    "fills": [
        Column("fill_id", "fill_id", "id", "number of the fill in the session"),
        Column("trade_id", "trade_id", "id", "the exchange's trade id"),
        Column("cloid", "cloid", "id", "our order"),
        Column("exch_ns", "exchange_at", "time", "when it happened, exchange clock"),
        Column("recv_ns", "received_at", "time", "when we heard of it"),
        Column("side", "side", "count", "+1 we bought, -1 we sold"),
        Column("px", "price", "price", "price"),
        Column("qty", "size", "size", "size"),
        Column("fee_micro", "fee", "money", "fee, positive = paid"),
        Column("bits", "bits", "count", "1: we took"),
        Column("mid2_before", "mid_before", "mid", "mid just before the aggressing block; null where not known"),
        Column("position_after", "position_after", "size", "position after it, negative = short"),
        Column("fill_prediction_id", "fill_prediction_id", "id", "prediction of its fill; `predictions.prediction_id`"),
        Column("as_prediction_id", "adverse_prediction_id", "id", "of its adverse selection: that id plus 1"),
        Column("edge_prediction_id", "edge_prediction_id", "id", "of its edge: that id plus 2"),
        Column("lag_prediction_id", "lag_prediction_id", "id", "newest prediction of the reference's lead"),
        Column("prediction_ns", "predicted_at", "time", "when the order was decided"),
        Column("predicted_fill_prob", "predicted_fill_p_10s", "share", "P(first fill within 10 s), as decided"),
        Column("predicted_as_bps", "predicted_adverse_bps_10s", "bps", "adverse selection at 10 s, as decided"),
        Column("predicted_edge_bps", "predicted_edge_bps_10s", "bps", "what it earns at 10 s after its fee, likewise"),
        *_snapshot("at_decision", "at the decision"),
        *_snapshot("at_fill", "at the fill"),
        Column("spread_capture", "spread_capture", "ledger", "side x size x (mid before - price)"),
        Column("pnl_total", "pnl_total", "ledger", "profit of the session so far, with fees and funding"),
    ],
    "markouts": [
        Column("fill_id", "fill_id", "id", "`fills.fill_id`"),
        Column("horizon", "horizon_s", "code:markout_horizon_s", "time after the fill, s"),
        Column("mid2", "mid", "mid", "mid at the horizon; null where missing"),
        Column("realised_bps", "realised_bps", "bps", "markout before fees, positive = good for us"),
        Column("adverse_bps", "adverse_bps", "bps", "move of the mid against us"),
    ],
    "edges": [
        Column("prediction_id", "prediction_id", "id", "of the edge: the order's first id plus 2"),
        Column("fill_id", "fill_id", "id", "`fills.fill_id`"),
        Column("made_ns", "made_at", "time", "when it was predicted"),
        Column("block_ns", "exchange_at", "time", "when it was filled, exchange clock"),
        Column("context", "context", "count", "number of the context: regime, position, depth, side"),
        Column("depth_bps", "depth_bps", "bps", "distance of the order from the mid"),
        Column("predicted_bps", "predicted_bps", "bps", "mean of what it earns at 10 s after its fee"),
        Column("sd_bps", "sd_bps", "bps", "standard deviation of the forecast"),
        Column("realised_bps", "realised_bps", "bps", "what it earned"),
        Column("z", "z", "number", "(realised - predicted) / sd"),
    ],
    "predictions": [
        Column("prediction_id", "prediction_id", "id", "first id of the order: of its fill; +1: loss; +2: edge"),
        Column("quote_id", "quote_id", "id", "decision that it belongs to; `quotes.quote_id`"),
        Column("made_ns", "made_at", "time", "when it was made"),
        Column("cloid", "cloid", "id", "our order; 0: one that is never sent"),
        Column("kind", "kind", "code:prediction_kind", "what asked for it"),
        Column("side", "side", "count", "+1 bid, -1 ask, 0 neither"),
        Column("px", "price", "price", "price of the order"),
        Column("qty", "size", "size", "its size"),
        Column("mid2", "mid", "mid", "mid then"),
        Column("bucket", "bucket", "count", "depth bucket"),
        Column("depth_bps", "depth_bps", "bps", "distance from the mid"),
        Column("queue_ahead", "queue_ahead", "size", "size ahead of it"),
        Column("sigma", "sigma", "vol", "volatility then"),
        *each("fill_p_{}", "fill_p_{}", "share", "P(first fill within {})", FILL_S),
        *each("fill_sd_{}", "fill_sd_{}", "share", "standard deviation of P(first fill within {})", FILL_S),
        *each("fill_baseline_{}", "fill_baseline_{}", "share", "rate of the depth bucket's past, {}", FILL_S),
        *each("as_loc_{}", "adverse_location_{}", "bps", "adverse selection {} after a fill: location", MARKOUT_S),
        *each("as_scale_{}", "adverse_scale_{}", "bps", "scale of its Student t, {}", MARKOUT_S),
        *each("as_dof_{}", "adverse_dof_{}", "number", "degrees of freedom of its Student t, {}", MARKOUT_S),
        Column("p_toxic", "p_toxic", "share", "P(realised half-spread at 10 s minus fee < 0)"),
        *each("fair_bps_{}", "fair_bps_{}", "bps", "predicted move of the mid over {} from the microprice", FAIR_S),
        *each("fair_sd_bps_{}", "fair_sd_bps_{}", "bps", "its standard deviation, {}", FAIR_S),
        Column("lag_gap_bps", "lag_gap_bps", "bps", "move of the reference that our mid had not followed"),
        *each("lag_bps_{}", "lag_bps_{}", "bps", "predicted move of the mid over {} from it", FAIR_S),
        *each("lag_sd_bps_{}", "lag_sd_bps_{}", "bps", "its standard deviation, {}", FAIR_S),
        Column("p_toxic_without", "p_toxic_without", "share", "P(toxic) by the model without signals"),
        *each("belief_weight_{}", "belief_weight_{}", "share", "weight of a part of the density: {}", PARTS),
        *each("belief_scale_bps_{}", "belief_scale_{}_bps", "bps", "its scale: {}", PARTS),
        Column("p_up", "p_up", "share", "P(our mid is higher in 1 s)"),
        Column("p_up_baseline", "p_up_baseline", "share", "rate of a rise in the past"),
        Column("edge_context", "edge_context", "count", "context of the edge model"),
        Column("edge_loc", "edge_location", "bps", "what the fill earns at 10 s after its fee: location"),
        Column("edge_scale", "edge_scale", "bps", "scale of its Student t"),
        Column("edge_dof", "edge_dof", "number", "degrees of freedom of its Student t"),
        Column("p_edge", "p_edge", "share", "P(the context's mean edge > 0)"),
        Column("model_version", "model_version", "count", "version of the models"),
        *each("is_window_{}", "is_window_{}", "flag", "counts as evidence at {}: windows do not overlap", FILL_S),
    ],
    "outcomes": [
        Column("prediction_id", "prediction_id", "id", "of the order's fill; plus 1: adverse selection, toxicity"),
        Column("target", "model", "code:target", "model and horizon"),
        Column("resolved_ns", "resolved_at", "time", "when it was known"),
        Column("decided", "decided", "code:decided", "by the tape, by our queue model, or why void"),
        Column("bucket", "bucket", "count", "depth bucket"),
        Column("forecast", "forecast", "number", "probability, or mean in bps"),
        Column("baseline", "baseline", "number", "probability known before; null for bps"),
        Column("outcome", "outcome", "number", "0 or 1, or bps; null where void"),
        Column("loss", "loss", "number", "Brier, CRPS (bps) or squared error (bps^2)"),
        Column("loss_baseline", "loss_baseline", "number", "the same of the baseline"),
    ],
    "orders": [
        Column("decided_ns", "decided_at", "time", "when it was decided"),
        Column("cloid", "cloid", "id", "client order id"),
        Column("target", "replaces", "id", "amend: order that it replaces"),
        Column("px", "price", "price", "price"),
        Column("qty", "size", "size", "size"),
        Column("reason", "reason", "code:order_reason", "why"),
        Column("kind", "kind", "code:action", "place, amend, cancel"),
        Column("side", "side", "count", "+1 bid, -1 ask"),
        Column("bits", "bits", "count", "1: add liquidity only, 2: IOC, 4: reduce only, 8: GTC"),
    ],
    "quotes": [
        Column("quote_id", "quote_id", "id", "number of the decision"),
        Column("decided_ns", "decided_at", "time", "when"),
        Column("trigger", "trigger", "code:trigger", "what asked for it"),
        Column("risk_state", "risk_state", "code:risk_state", "state of risk"),
        Column("risk_reason", "risk_reason", "code:risk_reason", "rule behind it"),
        Column("position", "position", "size", "position, negative = short"),
        Column("market_t_ns", "market_at", "time", "when the signals were taken"),
        Column("market_mid2", "mid", "mid", "mid net of our own orders"),
        *each("market_best_px_{}", "best_{}", "price", "best {} of others", SIDES),
        Column("market_data_age_ns", "data_age_s", "seconds", "since the newest market event"),
        Column("market_sigma", "sigma", "vol", "volatility"),
        Column("market_sigma_slow", "sigma_slow", "vol", "slow volatility"),
        Column("market_a", "intensity_a", "rate", "trades that reach the mid, per side"),
        Column("market_k", "decay_k", "number", "decay of the intensity with depth, per bps"),
        Column("market_gamma", "gamma", "number", "risk aversion, per (bps x lot)"),
        Column("market_imbalance", "imbalance", "number", "book imbalance, -1 to 1"),
        Column("market_flow_z", "flow_z", "number", "trade flow, standardised"),
        Column("market_mean_trade_qty", "mean_trade_size", "size", "mean size of a trade"),
        Column("market_displacement_bps", "displacement_bps", "bps", "microprice minus mid"),
        Column("market_fair_move_bps", "fair_move_bps", "bps", "predicted move of the mid over 1 s"),
        Column("market_lag_gap_bps", "lag_gap_bps", "bps", "the reference's move not yet followed; null: not known"),
        Column("market_lag_move_bps", "lag_move_bps", "bps", "predicted move of the mid from it"),
        *each("market_lag_term_bps_{}", "lag_term_{}_bps", "bps", "term that the last ladder made of it, {}", SIDES),
        Column("market_lag_announced_bps", "lag_announced_bps", "bps", "what such terms pay of the adverse term"),
        Column("market_reference", "reference", "code:reference", "state of the reference venue"),
        *each("market_adverse_bps_{}", "adverse_{}_bps", "bps", "predicted loss at 10 s of a fill, {}", SIDES),
        *each("market_p_toxic_{}", "p_toxic_{}", "share", "P(toxic) of the {}", SIDES),
        Column("market_ofi", "ofi", "number", "order flow imbalance over 5 s, in mean touch sizes"),
        Column("market_regime", "regime", "code:regime", "most likely kind of market"),
        *each("market_regime_p_{}", "p_{}", "share", "P(the market is {})", REGIMES),
        Column("market_p_change", "p_change", "share", "P(another kind of market since 10 s)"),
        Column("market_belief_sd_bps", "belief_sd_bps", "bps", "sd of the next second's move; 0: no belief yet"),
        Column("market_regime_term_bps", "regime_term_bps", "bps", "what it adds to the volatility, each side"),
        Column("market_funding_per_hour", "funding_per_hour", "number", "funding rate an hour"),
        Column("market_funding_carry_bps", "funding_carry_bps", "bps", "what a long position pays over the horizon"),
        Column("market_oracle_gap_bps", "oracle_gap_bps", "bps", "oracle above mid; null: not known"),
        Column("market_mark_gap_bps", "mark_gap_bps", "bps", "mark price above mid; null: not known"),
        Column("market_oracle", "oracle", "code:oracle", "state of the oracle"),
        Column("market_oracle_still_s", "oracle_still_s", "number", "s since the oracle changed; null: not known"),
        Column("market_oracle_term_bps", "oracle_term_bps", "bps", "what it may have moved unseen, each side"),
        *each("market_signal_{}", "signal_{}", "number", "signal {} as the classifier gets it", SIGNALS),
        *each("market_toxicity_p_{}", "toxicity_p_{}", "share", "P(toxic {}) given the signals", SIDES),
        Column("market_toxicity_base", "toxicity_base", "share", "rate of toxic fills at the usual half-spread"),
        *each("market_toxicity_x_{}", "toxicity_{}", "number", "logit of P(toxic) over the usual one, {}", SIDES),
        *each("market_edge_bps_{}", "edge_{}_bps", "bps", "what fills earn in the context of the {}", SIDES),
        *each("market_edge_widen_bps_{}", "edge_widen_{}_bps", "bps", "what the edge model asks for, {}", SIDES),
        Column("market_position_share", "position_share", "number", "signed position, of its limit"),
        Column("market_trade_age_ns", "trade_age_s", "seconds", "since the newest trade; negative: none yet"),
        Column("market_reference_age_ns", "reference_age_s", "seconds", "since the reference's word; negative: none"),
        Column("market_inventory_lots", "inventory_lots", "number", "position in lots of the order size"),
        Column("market_is_warm", "is_warm", "flag", "volatility and intensity come from data, not from priors"),
        *[
            Column(f"term_bps_{s}_{t}", f"term_{side}_{term}_bps", "bps", f"term {term} of the {side}'s half-spread")
            for s, side in enumerate(SIDES)
            for t, term in enumerate(TERMS)
        ],
        *each("half_spread_bps_{}", "half_spread_{}_bps", "bps", "sum of the {}'s terms", SIDES),
        *[
            Column(f"{field}_{s}_{level}", f"{side}_{name}_{level + 1}", kind, f"{words} of {side} level {level + 1}")
            for field, name, kind, words in (("px", "price", "price", "price"), ("qty", "size", "size", "size wanted"))
            for s, side in enumerate(SIDES)
            for level in range(LEVELS)
        ],
        *[
            Column(f"asked_bps_{s}_{t}", f"asked_{side}_{term}_bps", "bps", f"what a model would have: {term}, {side}")
            for s, side in enumerate(SIDES)
            for t, term in enumerate(TERMS)
        ],
        *each("model_free_bps_{}", "model_free_{}_bps", "bps", "the {}'s half-spread without any model", SIDES),
        *each("influence_{}", "influence_{}", "number", "share of its own way that {} had", MODELS),
        *each("careful_share_{}", "careful_share_{}", "number", "of the careful part of {} that counts", TERMS),
        *each("gate_closed_{}", "gate_closed_{}", "flag", "the gate has the {} closed", SIDES),
        *each("gate_p_loss_{}", "gate_p_loss_{}", "share", "P(fills of the {} lose in a hot market)", SIDES),
        *each("gate_propensity_{}", "gate_propensity_{}", "share", "chance to quote a closed {} anyway", SIDES),
        *[
            Column(
                f"value_bps_{s}_{level}",
                f"{side}_value_bps_{level + 1}",
                "bps",
                f"P(fill in 10 s) x expected edge of {side} level {level + 1}",
            )
            for s, side in enumerate(SIDES)
            for level in range(LEVELS)
        ],
        *each("no_quote_reason_{}", "no_{}_reason", "code:no_quote", "rule that keeps the {} out", SIDES),
    ],
    "calibrations": [
        Column("t_ns", "at", "time", "when"),
        Column("model", "model", "text", "model and horizon"),
        Column("made", "made", "count", "predictions so far"),
        Column("resolved", "resolved", "count", "with an outcome"),
        Column("voided", "voided", "count", "without one for ever"),
        Column("verdict", "verdict", "text", "verdict"),
        Column("kind", "kind", "count", "0 probability, 1 distribution"),
        Column("horizon_ns", "horizon_s", "seconds", "horizon"),
        Column("n", "n", "count", "scored outcomes"),
        Column("n_no_baseline", "n_no_baseline", "count", "not scored: the baseline had too little past"),
        Column("n_model_decided", "n_model_decided", "count", "not scored: only our queue model says so"),
        Column("n_invalid", "n_invalid", "count", "not a number, or not a probability: dropped"),
        Column("n_windows", "n_windows", "count", "windows that entered the evidence"),
        Column("n_blocks", "n_blocks", "count", "time blocks"),
        Column("n_log_clipped", "n_log_clipped", "count", "log scores clipped"),
        Column("n_clipped", "n_clipped", "count", "score differences clipped"),
        Column("n_eff", "n_eff", "number", "independent outcomes that they are worth"),
        Column("loss", "loss", "number", "mean score"),
        Column("baseline_loss", "baseline_loss", "number", "mean score of the baseline"),
        Column("gain", "gain", "number", "baseline's minus ours"),
        Column("gain_variance", "gain_variance", "number", "variance of that mean, between blocks"),
        Column("loss_model_decided", "loss_model_decided", "number", "mean score of what our queue model decided"),
        Column("log_score", "log_score", "number", "mean of -ln p(what happened)"),
        Column("bss", "skill", "number", "1 - score / baseline score"),
        Column("mcb", "mcb", "number", "miscalibration"),
        Column("dsc", "dsc", "number", "discrimination"),
        Column("unc", "unc", "number", "uncertainty"),
        Column("ir", "ir", "number", "dsc / mcb, at most 10"),
        *[
            Column(f"e_{name}", f"e_{name}_log10", "nats_log10", f"evidence: {words}")
            for name, words in (
                ("skill", "for the model"),
                ("harm", "against it"),
                ("recalibrated", "for its recalibrated forecast"),
                ("calibrated", "against its calibration"),
            )
        ],
        Column("alarm_harm", "alarm_harm_log10", "nats_log10", "e-CUSUM of harm; alarm at 4"),
        Column("alarm_calibrated", "alarm_calibrated_log10", "nats_log10", "e-CUSUM of miscalibration; alarm at 4"),
        Column("coverage50", "coverage50", "share", "outcomes inside the central 50 % interval"),
        Column("coverage90", "coverage90", "share", "outcomes inside the central 90 % interval"),
        Column("degraded", "degraded", "flag", "the degradation alarm has gone off"),
        Column("degraded_ns", "degraded_at", "time", "when; null if it has not"),
    ],
    "alerts": [
        Column("t_ns", "at", "time", "when"),
        Column("code", "alert", "code:alert", "which"),
        Column("value", "value", "number", "what it is about"),
        Column("cloid", "cloid", "id", "order, 0: none"),
    ],
    "lags": [
        Column("t_ns", "at", "time", "end of the minute"),
        Column("lag_ns", "lag_s", "seconds", "lag of our mid, positive = the reference leads"),
        Column("rho", "rho", "number", "correlation there"),
        Column("llr", "lead_lag_ratio", "number", "sum of rho^2 over positive lags / over negative ones"),
        Column("n_leader", "n_leader", "count", "changes of the reference"),
        Column("n_ours", "n_ours", "count", "changes of our mid"),
        Column("mean_lag_ns", "mean_lag_s", "seconds", "lag over the minutes in memory"),
        Column("mean_rho", "mean_rho", "number", "correlation there"),
        Column("tradable_lag_ns", "tradable_lag_s", "seconds", "that lag as our clock sees it"),
    ],
    "pairs": [
        Column("t_ns", "at", "time", "when, each 0.1 s"),
        Column("mid2", "mid", "mid", "our mid"),
        Column("leader_mid2", "reference_mid", "mid", "the reference's, in our units"),
    ],
    "truth": [
        Column("account", "account", "count", "account"),
        Column("trade_id", "trade_id", "id", "`fills.trade_id`"),
        Column("exch_ns", "exchange_at", "time", "when"),
        Column("side", "side", "count", "+1 we bought"),
        Column("px", "price", "price", "price"),
        Column("qty", "size", "size", "size"),
        Column("taker", "we_took", "flag", "we were the taker"),
        Column("informed", "informed", "flag", "an informed taker took our order"),
        Column("latent_px", "latent_price", "price", "the market's latent price then"),
    ],
}


def columns_of(table: str, present: list[str]) -> list[Column]:
    """Columns of a table in the database's order; one that is not listed here is exported as it is."""
    known = {column.source: column for column in TABLES.get(table, ())}
    return [known.get(name, Column(name, name, "number", "not documented")) for name in present]


def reference() -> str:
    """docs/export.md."""
    lines = [
        "# Export", "",
        "    touchstone export SESSION --out DIR", "",
        "writes each table of a session as a Parquet file (zstd), `columns.csv` (what each column is) and",
        "`session.json` (who wrote it, settings, result). Times are UTC with nanoseconds; prices in collateral per",
        "coin, sizes in coins, money in collateral; codes are names. What does not exist is null. Three examples read",
        "such a folder:",
        "`examples/calibration.py` (polars and DuckDB), `examples/markouts.py`, `examples/own_model.py`.", "",
        "This page is written by `make docs` from `src/touchstone/insight/export/columns.py`.",
    ]  # fmt: skip
    for table, columns in TABLES.items():
        lines += ["", f"## {table}", "", "| column | unit | meaning |", "|---|---|---|"]
        lines += [f"| `{column.name}` | {column.unit} | {column.meaning} |" for column in columns]
    return "\n".join(lines) + "\n"
