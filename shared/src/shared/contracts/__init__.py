"""The promises between services: envelopes, payloads, subjects, questions and the topology that carries them."""
