"""Which queue model is right: real limit orders of an order-by-order feed, followed without knowing the orders."""
