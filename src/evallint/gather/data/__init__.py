"""Pipelines, data sets and loaders: training and evaluation side by side."""
