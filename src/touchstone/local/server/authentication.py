"""Who sent an action: the action is written again canonically, its signer recovered, the nonce and expiry checked.

Refusals have the venue's texts. A refused request uses up no nonce.
"""

from dataclasses import dataclass
from typing import Literal

from touchstone.local.server.directory import Directory
from touchstone.local.server.refusals import ActionRefused
from touchstone.venues.hyperliquid.actions import Action, L1Action, Request
from touchstone.venues.hyperliquid.errors import EXPIRED, UNFUNDED, UNKNOWN_SIGNER, UNKNOWN_VAULT, Refusal, WireError
from touchstone.venues.hyperliquid.nonces import UsedNonces
from touchstone.venues.hyperliquid.signing import SOURCES, Source, recover, recover_l1, user_digest
from touchstone.venues.hyperliquid.user_actions import UserAction

Networks = Literal["both", "mainnet", "testnet"]
_SOURCES: dict[str, tuple[Source, ...]] = {"both": SOURCES, "mainnet": ("a",), "testnet": ("b",)}
_CHAINS = {"both": ("Mainnet", "Testnet"), "mainnet": ("Mainnet",), "testnet": ("Testnet",)}

# The nonce of a request is refused unless the one inside a user-signed action is the same (wording not captured).
NONCE_MISMATCH = Refusal("nonce_mismatch", "Invalid nonce: {inner} inside the action, {outer} outside")


@dataclass(frozen=True, slots=True)
class Sender:
    """`signer` is the key, `account` whose key or agent's it is, `user` for whom the action is."""

    signer: str
    account: str
    user: str


class StaleAction(ActionRefused):
    """Its time had passed: costs the user five requests."""

    def __init__(self, user: str) -> None:
        super().__init__(EXPIRED.render())
        self.user = user


class Authenticator:
    """Recovers signers and keeps their nonces."""

    def __init__(self, directory: Directory, networks: Networks = "both") -> None:
        self._directory = directory
        self._sources = _SOURCES[networks]
        self._chains = _CHAINS[networks]
        self._nonces: dict[str, UsedNonces] = {}  # of known signers only, so it is bounded by accounts and agents
        self._last_source: Source = self._sources[-1]  # tried first: most clients of one exchange sign alike

    def identify(self, request: Request, action: Action, now_ms: int) -> Sender:
        """The sender of a request at the client's `now_ms`. Raises ActionRefused, StaleAction."""
        try:
            if isinstance(action, L1Action):
                return self._l1_sender(request, action, now_ms)
            if isinstance(action, UserAction):
                return self._user_sender(request, action)
        except WireError as error:
            raise ActionRefused(str(error)) from error
        raise ActionRefused("multiSig is not served by the local exchange")

    def nonce_refusal(self, sender: Sender, nonce: int, now_ms: int) -> str | None:
        """Why the nonce would be refused."""
        return self._nonces.setdefault(sender.signer, UsedNonces()).refusal(nonce, now_ms)

    def use_nonce(self, sender: Sender, nonce: int, now_ms: int) -> None:
        """Use the nonce up. Raises ActionRefused."""
        if refusal := self._nonces.setdefault(sender.signer, UsedNonces()).use(nonce, now_ms):
            raise ActionRefused(refusal)

    def forget(self, signer: str) -> None:
        """Forget the nonces of an agent that is none any more, as the venue does."""
        self._nonces.pop(signer, None)

    def _l1_sender(self, request: Request, action: L1Action, now_ms: int) -> Sender:
        signer, account = self._l1_signer(request, action, now_ms)
        user = account
        if request.vault_address is not None:
            user = request.vault_address
            if self._directory.master_of_sub_account(user) != account:
                raise ActionRefused(UNKNOWN_VAULT.render(address=user))
        if request.expires_after is not None and now_ms > request.expires_after:
            raise StaleAction(user)
        return Sender(signer, account, user)

    def _l1_signer(self, request: Request, action: L1Action, now_ms: int) -> tuple[str, str]:
        """Key and account. With a wrong signature the key is nobody's, and is named in the refusal."""
        order = sorted(self._sources, key=lambda source: source != self._last_source)
        strangers = []
        for source in order:
            args = (action, request.nonce, request.signature, request.vault_address, request.expires_after)
            signer = recover_l1(*args, sources=(source,))[source]
            account = self._directory.account_of(signer, now_ms)
            if account is not None:
                self._last_source = source
                return signer, account
            strangers.append(signer)
        former = (signer for signer in strangers if self._directory.agents.was_one(signer))
        raise ActionRefused(UNKNOWN_SIGNER.render(address=next(former, strangers[0])))

    def _user_sender(self, request: Request, action: UserAction) -> Sender:
        if action.hyperliquid_chain not in self._chains:
            allowed = " or ".join(self._chains)
            raise ActionRefused(f"hyperliquidChain {action.hyperliquid_chain!r}: must be {allowed}")
        signer = recover(user_digest(action), request.signature)
        if not self._directory.is_account(signer):
            raise ActionRefused(UNFUNDED.render(address=signer))
        inner = getattr(action, "nonce", None) or getattr(action, "time", None)
        if inner != request.nonce:
            raise ActionRefused(NONCE_MISMATCH.render(inner=inner, outer=request.nonce))
        if request.expires_after is not None:
            raise ActionRefused("expiresAfter is not allowed for user-signed actions")  # wording not captured
        return Sender(signer, signer, signer)
