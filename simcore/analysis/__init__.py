"""What a design's errors come from: ablation, tiles, sampled reads, partial sums."""
