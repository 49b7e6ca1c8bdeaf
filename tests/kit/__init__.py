"""What tests across services share: the running platform, a proxy on the venue's wire, and the checker of the books."""
