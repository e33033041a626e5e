"""Which account a command means: options that the operator's commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from touchstone import config

Descriptor = Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=1 << 20))]


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Which account, and how to show the answer."""

    config_file: Annotated[Path | None, Parameter(name="--config", help="Configuration file (TOML).")] = None
    network: Annotated[
        config.NetworkName | None, Parameter(help="local, testnet or mainnet; by default the configuration's.")
    ] = None
    url: Annotated[str | None, Parameter(help="URL of the local exchange; by default the configuration's.")] = None
    coin: Annotated[str | None, Parameter(help="Coin, whose dex is meant; by default the configuration's.")] = None
    address: Annotated[
        str | None, Parameter(help="Account; by default the configuration's, or the one that the key signs for.")
    ] = None
    json: Annotated[bool, Parameter(name="--json", negative=(), help="Print the answer as JSON.")] = False

    def settings(self) -> config.Config:
        """The configuration with what was said here. Raises ConfigError."""
        settings = config.load(self.config_file)
        return settings.at(network=self.network, url=self.url, coin=self.coin, address=self.address)


HERE = Where()
PasswordDescriptor = Annotated[Descriptor, Parameter(help="File descriptor to read the keystore's password from.")]
