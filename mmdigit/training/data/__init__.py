"""What a training reads: the data sets, augmented, drawn and synthesised samples."""
