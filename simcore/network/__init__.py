"""Binary networks as data: graphs, exact binary layers, checkpoints and training."""
