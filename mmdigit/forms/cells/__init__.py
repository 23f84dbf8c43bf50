"""A flattened page's boxes: each as 28x28 bytes for the model, as a job, and as a picture for people."""
