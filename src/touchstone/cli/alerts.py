"""`touchstone alerts`: see that alerts arrive before one is needed."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from touchstone import config
from touchstone.cli import output

alerts_app = App(name="alerts", help="Alerts: test where they go.", help_format="plaintext")


@alerts_app.command(name="test")
def send_test(*, config_file: Annotated[Path | None, Parameter(name="--config")] = None) -> int:
    """Send a test message to every service, and say which took it.

    Parameters
    ----------
    config_file
        Configuration file (TOML); its `[alerts] urls_file` counts where TOUCHSTONE_ALERT_URLS is not set.
    """
    from touchstone.watch.alerts import VARIABLE
    from touchstone.watch.services import Services, urls

    given = urls(config.load(config_file).alerts)
    if not given:
        raise output.WrongUseError(f"no service: set {VARIABLE}, or [alerts] urls_file in the configuration")
    services = Services(given)
    failed = services.send("test message: alerts arrive here")
    for name in services.names:
        output.stdout().print(f"{name}: {'FAILED' if name in failed else 'sent'}", markup=False)
    return output.PROBLEM if failed else output.OK
