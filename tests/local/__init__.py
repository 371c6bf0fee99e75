"""The local stack keeps its part of the contract."""
