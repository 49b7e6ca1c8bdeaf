"""A venue that speaks Bybit v5 with play money."""
