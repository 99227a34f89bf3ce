"""Binance USDⓈ-M futures through ccxt: where it is, how it is asked, how much it bears."""
