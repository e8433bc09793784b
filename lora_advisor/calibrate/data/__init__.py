"""The data a config names, as tokenised examples: which file, which rows, which tokens count."""
