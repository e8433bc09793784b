"""Learning the modules of a model type as templates over the fields of its config."""
