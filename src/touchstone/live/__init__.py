"""The trading shell: keys, the account's desk, the operator's channel, what watches over a session that dies."""
