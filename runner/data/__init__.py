"""Market data at home: the candle store, what goes into it, and the market a run reads from it."""
