"""Training: what `Model` inherits to be compiled, trained, evaluated and asked."""
