"""Configuration: what is accepted, what is refused and in which words, and that nothing of it goes stale."""

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone import config
from touchstone.config import Config, ConfigError

ROOT = Path(__file__).resolve().parent.parent


def message(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, "my.toml")
    return str(caught.value)


def test_an_empty_file_means_the_defaults() -> None:
    assert config.parse("") == Config() == config.load(None)


def test_every_value_survives_a_round_trip(tmp_path: Path) -> None:
    changed = config.parse("seed = 7\n[quoting]\nlevels = 5\nrule = 'fixed'\n[market]\ncoin = 'SOL'\n")
    config.save(changed, tmp_path / "mine.toml")
    assert config.load(tmp_path / "mine.toml") == changed


def test_the_default_example_is_current() -> None:
    assert (ROOT / "examples/default.toml").read_text() == config.to_toml(Config())


def test_the_reference_is_current() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == config.reference()


@pytest.mark.parametrize("model", [Config, *config.SECTIONS.values()])
def test_every_field_has_a_description(model: type[config.Section]) -> None:
    assert model.__doc__
    for name, info in model.model_fields.items():
        if model is not Config or name not in config.SECTIONS:
            assert info.description is not None, f"{model.__name__}.{name}"
            assert info.description.endswith("."), f"{model.__name__}.{name}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[quoting]\nlevel = 3", "unknown key [quoting] level; did you mean [quoting] levels?"),
        ("[quotng]\nlevels = 3", "unknown key quotng; did you mean quoting?"),
        ("levels = 3", "unknown key levels; did you mean [quoting] levels?"),
        ("[risk]\nlevels = 3", "unknown key [risk] levels; did you mean [quoting] levels?"),
        ("[risk]\nzzz = 3", "unknown key [risk] zzz; [risk] has max_open_notional_fraction"),
    ],
)
def test_an_unknown_key_names_the_nearest_one(text: str, words: str) -> None:
    assert words in message(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[quoting]\nlevels = 30", "[quoting] levels = 30 is not allowed: whole number at least 1 and at most 8"),
        ("[quoting]\nlevels = 2.5", "[quoting] levels = 2.5 is not allowed: whole number"),
        ("[quoting]\nrule = 'glt'", "[quoting] rule = 'glt' is not allowed: one of glft, fixed, avellaneda"),
        ("[risk]\nmax_loss_fraction = nan", "[risk] max_loss_fraction = nan is not allowed: number above 0"),
        ("[capital]\ncapital = inf", "[capital] capital = inf is not allowed: number above 0"),
        ("[capital]\ncapital = '5'", "[capital] capital = '5' is not allowed"),
        ("[exchange]\npartial_fills = 1", "[exchange] partial_fills = 1 is not allowed: true or false"),
        ("quoting = 3", "quoting = 3 is not allowed: it is a section, write [quoting]"),
        ("x = [", "my.toml is not valid TOML"),
    ],
)
def test_a_wrong_value_names_key_value_and_range(text: str, words: str) -> None:
    assert words in message(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[quoting]\nmin_half_spread_bps = 60", "at most max_half_spread_bps = 50"),
        ("[quoting]\norder_notional = 5", "at least [exchange] min_notional = 10"),
        ("[capital]\ncapital = 80", "at most the largest position, [capital] capital x max_position_fraction = 40"),
        ("[exchange]\norder_latency_p99_ms = 100", "at least order_latency_median_ms = 200"),
    ],
)
def test_values_that_do_not_fit_together_are_refused(text: str, words: str) -> None:
    assert words in message(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[account]\naddress = '0x12'", "[account] address = '0x12' is not allowed: 0x and 40 hexadecimal digits"),
        ("[account]\nnetwork = 'main'", "[account] network = 'main' is not allowed: one of local, testnet, mainnet"),
        ("[live]\non_kill = 'sell'", "[live] on_kill = 'sell' is not allowed: one of hold, flatten"),
    ],
)
def test_an_account_that_cannot_be_is_refused(text: str, words: str) -> None:
    assert words in message(text)


@pytest.mark.parametrize("section", ["account", "live", "market"])
@pytest.mark.parametrize("key", ["keystore", "address", "key", "coin", "sessions"])
@pytest.mark.parametrize("form", ["0x{}", "{}", "keys/{}"])
def test_a_private_key_in_the_file_is_never_shown(section: str, key: str, form: str) -> None:
    digits = "c0ffee" * 10 + "c0de"
    with pytest.raises(ConfigError) as caught:
        config.parse(f"[{section}]\n{key} = '{form.format(digits)}'\nnonsense = 1")
    assert digits not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_a_private_key_as_the_name_of_a_keystore_is_refused() -> None:
    assert "looks like a private key" in message(f"[account]\nkeystore = '0x{'ab' * 32}'")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "[live] live = true and [live] max_notional"),
        ("[live]\nlive = true", "needs [live] max_notional"),
        ("[live]\nmax_notional = 500.0", "needs [live] live = true"),
        ("[live]\nlive = true\nmax_notional = 20.0", "at least one order, [quoting] order_notional = 50"),
    ],
)
def test_mainnet_needs_the_switch_and_a_notional_cap(text: str, words: str) -> None:
    settings = config.parse(text)
    with pytest.raises(ConfigError) as caught:
        config.check_may_trade(settings, "mainnet")
    assert words in str(caught.value)
    for network in ("local", "testnet"):
        config.check_may_trade(settings, network)


def test_mainnet_is_allowed_with_both() -> None:
    config.check_may_trade(config.parse("[live]\nlive = true\nmax_notional = 500.0"), "mainnet")


def test_all_errors_are_told_at_once() -> None:
    text = message("[quoting]\nlevels = 0\nlevel = 1\n[fees]\nmaker_bps = 99")
    assert "levels = 0" in text
    assert "did you mean [quoting] levels" in text
    assert "maker_bps = 99" in text


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        config.load(path)


@pytest.mark.parametrize(
    ("coin", "scale", "maker", "taker", "currency"),
    [
        ("BTC", 1.0, 1.5, 4.5, "USDC"),
        ("hyna:HYPE", 1.0, 3.0, 9.0, "USDE"),  # scale 1: twice the base rates, as the recorded fees of xyz show
        ("hyna:HYPE", 0.5, 2.25, 6.75, "USDE"),
        ("other:GOLD", 3.0, 9.0, 27.0, "USDC"),
    ],
)
def test_fees_and_money_follow_the_dex(coin: str, scale: float, maker: float, taker: float, currency: str) -> None:
    settings = config.parse(f"[market]\ncoin = '{coin}'\n[fees]\ndeployer_scale = {scale}")
    assert (settings.maker_fee_bps, settings.taker_fee_bps) == (maker, taker)
    assert settings.market.currency == currency


def test_a_rebate_is_not_multiplied() -> None:
    assert config.parse("[fees]\nmaker_bps = -0.3").maker_fee_bps == -0.3


def test_another_coin_on_another_dex_forgets_the_stated_collateral() -> None:
    settings = config.parse("[market]\ncoin = 'hyna:HYPE'\ncollateral = 'XUSD'")
    assert settings.with_coin("hyna:BTC").market.currency == "XUSD"
    assert settings.with_coin("SOL").market.currency == "USDC"


@given(st.text(max_size=200))
def test_any_text_is_accepted_or_refused_in_words(text: str) -> None:
    try:
        config.parse(text)
    except ConfigError as error:
        assert str(error)  # noqa: PT017
