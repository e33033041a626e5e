"""What every session has, on a tape, in a simulated market or at an exchange: the core, its folder, its result."""
