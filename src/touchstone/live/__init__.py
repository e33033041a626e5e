"""The trading shell: the core at an exchange, over sockets, at the time of a clock."""
