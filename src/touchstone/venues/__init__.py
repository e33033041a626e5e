"""Venues as they speak on the wire: no compiler, no clock, no socket."""
