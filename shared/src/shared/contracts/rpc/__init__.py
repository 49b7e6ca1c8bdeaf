"""Questions between services: NATS request/reply on `rpc.<service>.v1.<verb>`, typed both ways."""
