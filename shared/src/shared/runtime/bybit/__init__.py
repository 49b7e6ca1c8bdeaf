"""Bybit v5 over HTTP and sockets: remote signing, typed replies, and outcomes that never guess."""
