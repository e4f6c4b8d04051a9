"""How the adapters under `embeddings/` are trained and measured. Entry point: `benchmarks/train_adapters.py`."""
