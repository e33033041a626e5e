"""One module a page: `build(page)` lays it out; what it shows is asked for again while the session goes on."""
