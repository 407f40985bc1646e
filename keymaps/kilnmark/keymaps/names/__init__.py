"""Key names: what each stands for, in which convention, and on which layers of which model."""
