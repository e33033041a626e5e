"""`touchstone doctor`: what stands between the account and a session."""

import asyncio

from touchstone.cli import output
from touchstone.cli.where import HERE, Where

STYLE = {"ok": "green", "warn": "yellow", "bad": "bold red"}


def doctor(*, where: Where = HERE) -> int:
    """Look at everything that a session needs, and explain it; changes nothing and needs no password.

    Exit code 1 where something is bad, 3 where the exchange is out of reach.
    """
    from touchstone.live import keys
    from touchstone.live.doctor import examine, key_info
    from touchstone.live.identity import network_of

    settings = where.settings()
    account = settings.account
    found = asyncio.run(
        examine(
            settings,
            network_of(account),
            key=key_info(account.keystore, account.network, keys.KEY),
            watchdog=key_info(account.watchdog_keystore, account.network, keys.WATCHDOG_KEY),
        )
    )
    if where.json:
        output.print_json(found.as_dict())
    else:
        from rich.table import Table

        table = Table(title=f"{found.coin} on {found.network}, account {found.account or 'not known'}")
        for heading in ("", "looked at", "found", "what it means, what to do"):
            table.add_column(heading, overflow="fold")
        for finding in found.findings:
            words = finding.meaning + (f". DO: {finding.remedy}" if finding.remedy else "")
            level = f"[{STYLE[finding.level]}]{finding.level}[/]"
            table.add_row(level, finding.name, _plain(finding.found), _plain(words))
        output.stdout().print(table)
    if found.is_unreachable:
        return output.VENUE
    return output.PROBLEM if found.worst == "bad" else output.OK


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
