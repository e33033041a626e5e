"""Measurements of this program; `make bench` runs them all."""
