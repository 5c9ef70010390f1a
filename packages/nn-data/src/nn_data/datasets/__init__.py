"""Datasets by name: shipped inside the package, downloaded, or made."""
