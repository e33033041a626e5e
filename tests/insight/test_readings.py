"""Readings against independent libraries, and the accounts that add up at every moment."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint
from tests.insight.sessions import FEE_BPS, NS, Plan, make

from touchstone.insight.intervals import skill_interval
from touchstone.insight.readings import clustered, fills, outcomes, path, requests
from touchstone.insight.readings.folder import NoDataError, Session, open_session, sessions_in
from touchstone.session.codes import codes


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return open_session(make(tmp_path_factory.mktemp("readings") / "session", Plan(position=3.0)))


# --- Statistics ------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1))
def test_the_error_of_a_mean_is_that_of_a_cluster_robust_regression(seed: int) -> None:
    chance = np.random.default_rng(seed)
    n = int(chance.integers(30, 200))
    block = chance.integers(0, 15, n)
    x = chance.normal(size=n) + chance.normal(size=15)[block]
    found = clustered.mean(x, block)
    fit = sm.OLS(x, np.ones(n)).fit(cov_type="cluster", cov_kwds={"groups": block})
    assert found.mean == pytest.approx(fit.params[0])
    assert found.se == pytest.approx(fit.bse[0])
    assert found.n == n


def test_the_quantiles_of_student_s_t_are_those_of_scipy() -> None:
    for dof in (*range(1, 60), 100, 1000, 100_000):
        assert clustered.t95(dof) == pytest.approx(scipy.stats.t.ppf(0.95, dof), rel=4e-4)


def test_a_weighted_mean_weighs() -> None:
    found = clustered.mean([1.0, 5.0, np.nan], [0, 1, 2], [3.0, 1.0, 9.0])
    assert found.mean == pytest.approx(2.0)
    assert found.n == 2


def test_no_interval_below_ten_blocks() -> None:
    values = np.arange(40.0)
    assert clustered.mean(values, np.arange(40) % 9).low is None
    assert clustered.mean(values, np.arange(40) % 10).low is not None
    assert clustered.mean([], []) == clustered.NOTHING


def test_nothing_learned_from_repeating_a_block() -> None:
    """Ten copies of each outcome in its own block leave the error as it was."""
    chance = np.random.default_rng(5)
    x, block = chance.normal(size=60), np.arange(60) // 4
    once = clustered.mean(x, block)
    again = clustered.mean(np.tile(x, 10), np.tile(block, 10))
    assert again.se == pytest.approx(once.se)


@given(st.integers(1, 500), st.floats(0.0, 1.0))
def test_the_interval_of_a_share_is_wilson_s(n: int, share: float) -> None:
    successes = round(share * n)
    found = clustered.share(successes, n)
    assert found == pytest.approx(proportion_confint(successes, n, alpha=0.1, method="wilson"), abs=1e-9)


def test_a_trend_is_that_of_a_linear_regression() -> None:
    chance = np.random.default_rng(3)
    days, values = np.arange(9.0), 0.3 * np.arange(9.0) + chance.normal(size=9)
    found, other = clustered.trend(days, values), scipy.stats.linregress(days, values)
    assert found is not None
    assert found.per_day == pytest.approx(other.slope)
    assert found.high - found.low == pytest.approx(2 * scipy.stats.t.ppf(0.95, 7) * other.stderr, rel=1e-3)
    assert clustered.trend(days[:4], values[:4]) is None


def test_the_interval_of_a_mean_covers_it_nine_times_in_ten() -> None:
    """Values of a block are alike, so that an interval from single values would cover far less."""
    chance, inside, naive = np.random.default_rng(11), 0, 0
    for _ in range(400):
        block = np.repeat(np.arange(20), 8)
        x = chance.normal(size=20)[block] + 0.3 * chance.normal(size=160)
        found = clustered.mean(x, block)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 0.0 <= found.high
        naive += abs(x.mean()) <= 1.645 * x.std(ddof=1) / np.sqrt(160)
    assert 340 <= inside <= 380
    assert naive < 260


# --- Accounts --------------------------------------------------------------------------------------------------------


def test_the_lines_of_the_account_add_up_at_every_moment(session: Session) -> None:
    money = path.read_money(session)
    lines = (
        money.spread_capture - money.adverse_selection + money.post_horizon + money.opening_inventory - money.fees
        + money.funding
    )  # fmt: skip
    assert np.max(np.abs(lines - money.total)) < 1e-12


def test_the_total_of_the_account_is_cash_and_position(session: Session) -> None:
    """At each moment: what was paid and received so far, fees, and the position at the mid."""
    money, made = path.read_money(session), fills.read_fills(session)
    start = made.position[0] - made.side[0] * made.qty[0]
    for at in range(0, len(money.t_ns), 37):
        known = made.t_ns <= money.t_ns[at]
        cash = -(made.side * made.qty * made.px)[known].sum() - made.fee[known].sum()
        position = start + (made.side * made.qty)[known].sum()
        assert money.position[at] == pytest.approx(position)
        assert money.total[at] == pytest.approx(cash + position * money.mid[at] - start * money.mid[0], abs=1e-9)


def test_the_account_ends_where_the_core_s_own_total_does(session: Session) -> None:
    money, made = path.read_money(session), fills.read_fills(session)
    at = int(np.searchsorted(money.t_ns, made.t_ns[-1], side="right")) - 1
    assert money.total[at] == pytest.approx(made.pnl_total[-1], abs=1e-9)
    assert money.funding[-1] == pytest.approx(0.0, abs=1e-9)  # none was paid


def test_fees_and_volume_are_those_of_the_fills(session: Session) -> None:
    made = fills.read_fills(session)
    assert made.fee.sum() == pytest.approx(made.notional.sum() * FEE_BPS / 1e4, abs=1e-4)
    assert fills.edge_bps(made, FEE_BPS) == pytest.approx(made.realised_bps[:, 4] - FEE_BPS)


# --- Sums ------------------------------------------------------------------------------------------------------------


def test_sums_of_outcomes_do_not_depend_on_the_pieces(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = outcomes.read_outcomes(session)
    monkeypatch.setattr(outcomes, "CHUNK", 7)
    pieces = outcomes.read_outcomes(session)
    for name in ("target", "bucket", "block", "n", "forecast", "loss"):
        assert getattr(pieces, name) == pytest.approx(getattr(whole, name), nan_ok=True), name
    counted = session.rows("outcomes", "SELECT count(*), sum(loss) FROM outcomes")[0]
    assert whole.n.sum() == counted[0]
    assert whole.loss.sum() == pytest.approx(counted[1])


def test_fill_rates_by_depth_are_those_of_the_outcomes(session: Session) -> None:
    rows = outcomes.by_depth(outcomes.read_outcomes(session), "fill_10s")
    sql = (
        "SELECT bucket, avg(outcome), avg(forecast), avg(baseline) FROM outcomes WHERE target = 1 "
        "GROUP BY bucket ORDER BY bucket"
    )
    for row, (bucket, outcome, forecast, baseline) in zip(rows, session.rows("outcomes", sql), strict=True):
        assert row.bucket == bucket
        assert (row.outcome.mean, row.forecast, row.baseline) == pytest.approx((outcome, forecast, baseline))
    assert [row.name for row in rows] == ["1 to 2", "2 to 4", "4 to 8"]


def test_requests_are_counted_and_earned(session: Session) -> None:
    found = requests.read_requests(session)
    assert found.used[-1] == 400
    volume = fills.read_fills(session).notional.sum()
    assert found.allowed[-1] == pytest.approx(session.config.quota.initial_requests + volume)
    assert np.all(np.diff(found.used) >= 0)


# --- Folders ---------------------------------------------------------------------------------------------------------


def test_a_session_says_what_its_codes_mean(session: Session) -> None:
    for kind, code, name in codes():
        assert session.names(kind)[code] == name
    assert session.about["coin"] == "hyna:HYPE"
    assert session.px_unit == pytest.approx(1e-4)
    with pytest.raises(NoDataError, match="what its weather codes mean"):
        session.names("weather")


def test_a_session_may_be_read_while_it_is_written(tmp_path: Path) -> None:
    """The rows that are committed are there; the writer is not disturbed."""
    from touchstone.config import Config
    from touchstone.core import records
    from touchstone.data.units import coin_of
    from touchstone.session.store import SessionStore

    with SessionStore(tmp_path / "live", Config(), coin_of("hyna:HYPE")) as store:
        rows = np.zeros(3, records.ALERT)
        rows["t_ns"] = NS
        store.take("alerts", rows)
        with open_session(tmp_path / "live") as reader:
            assert reader.rows("alerts", "SELECT count(*) FROM alerts") == [(3,)]
            store.take("alerts", rows)
            assert reader.rows("alerts", "SELECT count(*) FROM alerts") == [(6,)]
            assert not reader.is_finished
    assert sessions_in(tmp_path) == [tmp_path / "live"]


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path: Path) -> None:
    folder = make(tmp_path / "fixed", Plan(fills=2))
    for name in ("session.db-wal", "session.db-shm"):
        (folder / name).unlink(missing_ok=True)
    folder.chmod(0o555)
    try:
        with open_session(folder) as session:
            assert len(fills.read_fills(session)) == 2
    finally:
        folder.chmod(0o755)


def test_the_intervals_of_skill_are_those_of_whole_blocks_of_outcomes(session: Session) -> None:
    """As a scorecard has them: sums over blocks of max(2 horizons, 30 s), drawn with replacement."""
    found = outcomes.skill_intervals(session)
    rows = session.rows(
        "outcomes",
        "SELECT sum(loss), sum(loss_baseline) FROM outcomes WHERE target = 1 AND decided = 1 GROUP BY resolved_ns / ?",
        (30 * NS,),
    )
    model, baseline = np.array(rows, np.float64).T
    assert found["fill_10s"] == skill_interval(model, baseline)
    assert found["fill_10s"].low < 1.0 - model.sum() / baseline.sum() < found["fill_10s"].high
    assert "lag_1s" not in found  # no outcome, no interval
