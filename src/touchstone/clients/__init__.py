"""Clients of venues: whoever holds the sockets. They read no clock but the one handed in, and know no compiler."""
