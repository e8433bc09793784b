"""The base model: which modules it has, and what PEFT makes of a LoRA config on them.

No weights and no torch: a module table comes from the shipped catalogue or from a weight index.
"""
