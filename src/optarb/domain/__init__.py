"""What things are: contracts, bars, quotes, signals, orders, money. Standard library and numpy only."""
