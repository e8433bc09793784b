"""A short training on the user's own model and data that measures what reasoning cannot.

``setup`` says what is trained, ``trials`` trains it, the stages (``range_test``, ``short_runs``,
``ranks``, ``noise``) read what the trials returned, and ``calibration`` puts them in order.
torch, transformers and peft are imported only by the modules that train.
"""
