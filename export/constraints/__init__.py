"""What a training must keep of a kernel: zeros that pruning left, values that clustering shares."""
