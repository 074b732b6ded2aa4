"""A network on a design: prepared, validated, evaluated."""
