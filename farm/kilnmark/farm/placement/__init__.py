"""Which work a node takes next, why work waits, and which renders are raced: rules alone, without I/O and clocks."""
