"""How two versions of each kind of layer are compared; the contract is enrichment/comparison.py."""
