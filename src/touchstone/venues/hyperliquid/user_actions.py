"""Actions that only the account's own key may sign: typed data (EIP-712) that a wallet shows to its owner.

Text is kept as sent, for the wallet signed exactly that. `SIGNS` is the EIP-712 type; its fields are read from the
action under their wire names. Sources: hyperliquid.md 3.2.
"""

from typing import Any, ClassVar

import msgspec

CHAIN = "string hyperliquidChain"


class UserAction(msgspec.Struct, rename="camel", omit_defaults=True, tag_field="type", kw_only=True):
    """`signature_chain_id` is the chain of the signing wallet, hexadecimal; `hyperliquid_chain` Mainnet or Testnet."""

    signature_chain_id: str
    hyperliquid_chain: str

    SIGNS: ClassVar[str]


class UsdSend(UserAction, tag="usdSend"):
    SIGNS: ClassVar[str] = f"UsdSend({CHAIN},string destination,string amount,uint64 time)"
    destination: str
    amount: str
    time: int


class SpotSend(UserAction, tag="spotSend"):
    SIGNS: ClassVar[str] = f"SpotSend({CHAIN},string destination,string token,string amount,uint64 time)"
    destination: str
    token: str
    amount: str
    time: int


class Withdraw(UserAction, tag="withdraw3"):
    SIGNS: ClassVar[str] = f"Withdraw({CHAIN},string destination,string amount,uint64 time)"
    destination: str
    amount: str
    time: int


class UsdClassTransfer(UserAction, tag="usdClassTransfer"):
    """Between spot and perps; `amount` may end in ` subaccount:0x..`."""

    SIGNS: ClassVar[str] = f"UsdClassTransfer({CHAIN},string amount,bool toPerp,uint64 nonce)"
    amount: str
    to_perp: bool
    nonce: int


class SendAsset(UserAction, tag="sendAsset"):
    SIGNS: ClassVar[str] = (
        f"SendAsset({CHAIN},string destination,string sourceDex,string destinationDex,"
        "string token,string amount,string fromSubAccount,uint64 nonce)"
    )
    destination: str
    source_dex: str
    destination_dex: str
    token: str
    amount: str
    from_sub_account: str
    nonce: int


class ApproveAgent(UserAction, tag="approveAgent", kw_only=True):
    """An agent without a name is signed with an empty one and sent without."""

    SIGNS: ClassVar[str] = f"ApproveAgent({CHAIN},address agentAddress,string agentName,uint64 nonce)"
    agent_address: str
    agent_name: str | None = None
    nonce: int


class ApproveBuilderFee(UserAction, tag="approveBuilderFee"):
    SIGNS: ClassVar[str] = f"ApproveBuilderFee({CHAIN},string maxFeeRate,address builder,uint64 nonce)"
    max_fee_rate: str
    builder: str
    nonce: int


class UserDexAbstraction(UserAction, tag="userDexAbstraction"):
    SIGNS: ClassVar[str] = f"UserDexAbstraction({CHAIN},address user,bool enabled,uint64 nonce)"
    user: str
    enabled: bool
    nonce: int


class UserSetAbstraction(UserAction, tag="userSetAbstraction"):
    SIGNS: ClassVar[str] = f"UserSetAbstraction({CHAIN},address user,string abstraction,uint64 nonce)"
    user: str
    abstraction: str
    nonce: int


class TokenDelegate(UserAction, tag="tokenDelegate"):
    SIGNS: ClassVar[str] = f"TokenDelegate({CHAIN},address validator,uint64 wei,bool isUndelegate,uint64 nonce)"
    validator: str
    wei: int
    is_undelegate: bool
    nonce: int


class ConvertToMultiSigUser(UserAction, tag="convertToMultiSigUser"):
    """`signers` is JSON in text."""

    SIGNS: ClassVar[str] = f"ConvertToMultiSigUser({CHAIN},string signers,uint64 nonce)"
    signers: str
    nonce: int


class SendMultiSig(UserAction, tag="sendMultiSig"):
    """What the last signer of a multi-sig action signs: the hash of the `multiSig` action without its type."""

    SIGNS: ClassVar[str] = f"SendMultiSig({CHAIN},bytes32 multiSigActionHash,uint64 nonce)"
    multi_sig_action_hash: str
    nonce: int


class MultiSigPayload(msgspec.Struct, rename="camel"):
    multi_sig_user: str
    outer_signer: str
    action: dict[str, Any]


class MultiSig(msgspec.Struct, rename="camel", tag_field="type", tag="multiSig"):
    """An action with the signatures of several; each signed [multiSigUser, outerSigner, action] or its typed data."""

    signature_chain_id: str
    signatures: list[dict[str, Any]]
    payload: MultiSigPayload


Typed = (
    UsdSend | SpotSend | Withdraw | UsdClassTransfer | SendAsset | ApproveAgent | ApproveBuilderFee
    | UserDexAbstraction | UserSetAbstraction | TokenDelegate | ConvertToMultiSigUser
)  # fmt: skip
User = Typed | MultiSig
