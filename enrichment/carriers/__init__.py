"""What carries masks to other frames: one engine per file, each registers itself (enrichment/propagation/)."""
