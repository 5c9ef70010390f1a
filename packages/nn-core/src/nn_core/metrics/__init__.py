"""The metrics of nn-core, a family per file. Import them from `nn_core` itself."""
