"""Pictures that others start from: their files read, and what stands in them decoded."""
