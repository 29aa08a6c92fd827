"""Rules about the way of the data: from files through pipelines and loaders into a model."""
