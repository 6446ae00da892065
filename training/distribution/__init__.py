"""Training on several devices and in several processes: strategies, TF_CONFIG, workers and their launcher."""
