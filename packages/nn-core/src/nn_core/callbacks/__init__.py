"""The callbacks of nn-core, one per file. Import them from `nn_core` itself."""
