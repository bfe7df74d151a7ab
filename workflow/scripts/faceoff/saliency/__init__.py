"""Tell where on a face a model looks, and how far that is true: arrays in, arrays out."""
