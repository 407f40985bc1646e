"""The review page served on loopback: decisions are written as they are made, and pictures painted again."""
