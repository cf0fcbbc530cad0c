"""What is offered to layers: one file per model family, each registers its engines; see enrichment/engine.py."""
