"""The formats of model files that nn-core writes and reads, one per file, as `nn_core.protocols.Format` describes."""
