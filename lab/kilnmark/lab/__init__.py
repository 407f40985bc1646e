"""The LoRA lab: from a folder of pictures to an adapter that production trusts.

Each step is a command and a library call, and leaves what it did in a run folder that anyone can pick up tomorrow. The
lab asks the daemon for pictures like any client; it knows neither the daemon nor the engine.
"""
