"""The words of trading: value types and rules that need nothing but the standard library."""
