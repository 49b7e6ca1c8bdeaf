"""Plans baskets and trades the legs."""
