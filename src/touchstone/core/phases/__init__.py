"""The phases in the life of a quote; `engine.advance` calls them in order."""
