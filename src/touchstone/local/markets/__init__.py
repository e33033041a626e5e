"""Markets around the traders' orders: agents, a recording, a live feed."""
