"""The pages of a session in a browser, running or past. They only read; commands go the way of the command line."""
