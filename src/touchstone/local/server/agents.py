"""Agents (API wallets): keys that may act for an account. Rules and texts: hyperliquid.md 17. Times in ms."""

import re
from dataclasses import dataclass, field

from touchstone.local.server.refusals import ActionRefused
from touchstone.venues.hyperliquid.actions import address
from touchstone.venues.hyperliquid.errors import AGENT_COUNT, AGENT_EXPIRED, AGENT_REMOVAL, AGENT_USED, WireError
from touchstone.venues.hyperliquid.info import Agent
from touchstone.venues.hyperliquid.nonces import DAY_MS

NAMED = 3
PER_SUB_ACCOUNT = 2
LONGEST_NAME = 16
DEFAULT_MS = 90 * DAY_MS
LONGEST_MS = 180 * DAY_MS
REMOVAL_MS = 200  # a removal is pending until its block is committed, about two blocks later
NOBODY = "0x" + "0" * 40
_NAME = re.compile(r"(.*?)(?: valid_until (\d{1,16}))?")


@dataclass(slots=True)
class _Account:
    by_name: dict[str, Agent] = field(default_factory=dict)  # "" is the unnamed one
    removal_until_ms: int = 0


class Agents:
    """Who may sign for whom."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}
        self._masters: dict[str, str] = {}
        self._used: set[str] = set()

    def master_of(self, agent: str, now_ms: int) -> str | None:
        """The account that `agent` acts for; None for one that is not, or no longer, an agent."""
        master = self._masters.get(agent)
        if master is None:
            return None
        if not any(known.address == agent and known.valid_until > now_ms for known in self._known(master)):
            self._forget(agent)
            return None
        return master

    def approve(self, master: str, agent: str, name: str, now_ms: int, *, sub_accounts: int = 0) -> str | None:
        """Approve `agent` under `name`, in place of the former one, which is returned; the zero address revokes.

        Raises ActionRefused.
        """
        agent = _address(agent)
        name, valid_until = _name_and_expiry(name, now_ms)
        account = self._accounts.setdefault(master, _Account())
        if now_ms < account.removal_until_ms:
            raise ActionRefused(AGENT_REMOVAL.render())
        if agent == NOBODY:
            return self._revoke(account, name, now_ms)
        if agent in self._used:
            raise ActionRefused(AGENT_USED.render())
        limit = NAMED + PER_SUB_ACCOUNT * sub_accounts
        if name and name not in account.by_name and sum(map(bool, account.by_name)) >= limit:
            raise ActionRefused(AGENT_COUNT.render(limit=limit))
        former = account.by_name.get(name)
        if former is not None:
            self._forget(former.address)
        account.by_name[name] = Agent(name, agent, valid_until)
        self._masters[agent] = master
        self._used.add(agent)
        return None if former is None else former.address

    def was_one(self, agent: str) -> bool:
        """Whether it was ever approved."""
        return agent in self._used

    def named(self, master: str, now_ms: int) -> list[Agent]:
        """Answer to `extraAgents`."""
        return [agent for agent in self._known(master) if agent.name and agent.valid_until > now_ms]

    def _known(self, master: str) -> list[Agent]:
        account = self._accounts.get(master)
        return list(account.by_name.values()) if account else []

    def _revoke(self, account: _Account, name: str, now_ms: int) -> str | None:
        former = account.by_name.pop(name, None)
        if former is None:
            return None
        self._forget(former.address)
        account.removal_until_ms = now_ms + REMOVAL_MS
        return former.address

    def _forget(self, agent: str) -> None:
        master = self._masters.pop(agent, None)
        if master is None:
            return
        names = self._accounts[master].by_name
        for name in [name for name, known in names.items() if known.address == agent]:
            del names[name]


def _address(text: str) -> str:
    try:
        return address(text, "agentAddress")
    except WireError as error:
        raise ActionRefused(str(error)) from error


def _name_and_expiry(text: str, now_ms: int) -> tuple[str, int]:
    found = _NAME.fullmatch(text)
    if found is None or len(found[1]) > LONGEST_NAME:
        raise ActionRefused(f"Agent name is longer than {LONGEST_NAME} characters.")  # wording not captured
    valid_until = int(found[2]) if found[2] else now_ms + DEFAULT_MS
    if valid_until <= now_ms:
        raise ActionRefused(AGENT_EXPIRED.render())
    return found[1], min(valid_until, now_ms + LONGEST_MS)
