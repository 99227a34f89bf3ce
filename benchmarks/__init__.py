"""Speed and memory, measured: `python -m benchmarks`. Nothing of the program imports this package."""
