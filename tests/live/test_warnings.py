"""Lines for the log that a person can act on."""

import re

from touchstone import config
from touchstone.live.warnings import quota_warning


def test_the_quota_warning_keeps_its_fields_and_says_that_it_is_normal() -> None:
    """Fields as in the report, so that what searches logs for them still does."""
    line = quota_warning(0.14, 0.088, "asks")
    found = re.search(r"position=(\S+) headroom_pct=(\S+) reduce_side=(\S+)", line)
    assert found is not None
    assert found.groups() == ("0.14", "8.8", "asks")
    assert "normal" in line
    assert "\n" not in line
    for key in ("headroom_trigger", "position_threshold"):
        assert key in line
        assert key in config.Quota.model_fields
    for key in ("keep_tolerance_bps", "requote_interval_ms"):
        assert key in line
        assert key in config.Quoting.model_fields
