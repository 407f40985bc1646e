"""What a file says of itself outside its tensors, or a config beside it: strength, making, base."""
