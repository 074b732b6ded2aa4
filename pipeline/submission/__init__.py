"""A sweep as a Ray job: what it needs is packed and sent to a cluster, and can be followed, left and stopped."""
