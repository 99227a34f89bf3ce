"""This project beside other engines: `python -m benchmarks.peers`. A `by_*` module is one engine's job."""
