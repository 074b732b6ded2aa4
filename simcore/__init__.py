"""The physics and the networks of binsparx: arrays in, arrays out."""
