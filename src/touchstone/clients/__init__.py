"""The sockets: clients of the venues that we trade at or look at. A venue's wire is in venues/."""
