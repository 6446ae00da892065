"""Several replicas and several processes: strategies, TF_CONFIG, workers and their launcher."""
