"""The local exchange on a loopback port: HTTP and WebSocket, authentication, limits, faults, the block loop."""
