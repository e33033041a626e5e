"""What looks at a session from outside: how it stands, alerts, metrics. It only reads, and needs no compiler."""
