"""Predicted against realised, fill by fill, with the 90 % band that was forecast."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from touchstone.insight.readings.clustered import Z95, t95
from touchstone.insight.readings.folder import NoDataError
from touchstone.insight.readings.readings import Readings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scatter:
    """One entry a fill with a known outcome, in bps; the band is the forecast's central 90 % interval."""

    predicted: Floats
    low: Floats
    high: Floats
    realised: Floats
    side: NDArray[np.int64]


def adverse_scatter(readings: Readings) -> Scatter:
    """Adverse selection at 10 s of the fills, positive = against us. Raises NoDataError."""
    fills = readings.fills
    h = fills.horizon()
    ids = [int(number) - 1 for number in fills.adverse_prediction_id if number > 0]  # rows carry the fill id, one less
    sql = (
        f"SELECT prediction_id, as_loc_{h}, as_scale_{h}, as_dof_{h} FROM predictions WHERE prediction_id IN "
        "(SELECT value FROM json_each(?))"  # one pass, however many fills
    )
    found = {row[0]: row[1:] for row in readings.session.rows("predictions", sql, (json.dumps(ids),))}
    of = [found.get(int(number) - 1, (np.nan, np.nan, np.nan)) for number in fills.adverse_prediction_id]
    location, scale, dof = np.array(of, np.float64).T
    realised = fills.adverse_bps[:, h]
    known = np.isfinite(location) & np.isfinite(realised)
    if not known.any():
        raise NoDataError("no fill has both a forecast of its adverse selection and a mid 10 s later")
    reach = np.array([t95(max(int(d), 1)) if np.isfinite(d) else np.nan for d in dof[known]]) * scale[known]
    predicted = location[known]
    return Scatter(predicted, predicted - reach, predicted + reach, realised[known], fills.side[known])


def edge_scatter(readings: Readings) -> Scatter:
    """Edge at 10 s after fees of our fills (EdgeScatter rows). Raises NoDataError: the session has no edge model."""
    if not readings.session.has("edges"):
        raise NoDataError("no fill of ours came to its end under the edge model, or the session ran without it")
    rows = readings.session.read(
        "edges", "SELECT fill_id, predicted_bps, sd_bps, realised_bps FROM edges WHERE fill_id > 0 ORDER BY rowid"
    )
    if len(rows["fill_id"]) == 0:
        raise NoDataError("the edge model has predicted no fill of ours yet")
    side_of = dict(zip(readings.fills.fill_id.tolist(), readings.fills.side.tolist(), strict=True))
    predicted, reach = rows["predicted_bps"].astype(np.float64), Z95 * rows["sd_bps"].astype(np.float64)
    side = np.array([side_of.get(int(number), 1) for number in rows["fill_id"]], np.int64)
    realised = rows["realised_bps"].astype(np.float64)
    return Scatter(predicted, predicted - reach, predicted + reach, realised, side)
