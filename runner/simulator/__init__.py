"""An exchange in a box: a Binance USDⓈ-M look-alike. `exchange` is the model, `player` its market."""
