"""What models make of a clip: layers, engines and cross-layer checks."""
