"""What can be known of a fill in the reactive market, how much the shipped model knows, and what alarms do there."""
