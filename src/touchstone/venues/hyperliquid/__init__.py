"""Hyperliquid's wire: numbers, actions and their signatures, messages, the texts of refusals, nonces.

Client and local exchange use the same definitions, so what one writes the other reads.
"""
