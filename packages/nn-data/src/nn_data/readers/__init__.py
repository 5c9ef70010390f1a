"""Readers of files: IDX, CIFAR's records, image folders, memory-mapped arrays."""
