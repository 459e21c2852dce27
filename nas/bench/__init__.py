"""Runs controllers on tables of measured architectures, hundreds of searches in minutes."""
