"""One module a front-end, each with `build(argument) -> FrontEnd`."""
