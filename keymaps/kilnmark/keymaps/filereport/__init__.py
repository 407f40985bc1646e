"""What can be told of an adapter file to strangers: names, shapes and statistics, no weights, no words, no paths."""
