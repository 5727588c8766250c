"""The book and everything in it: accounts, positions, settlement, margin."""
