"""tfvae: deep generative latent-variable models for TensorFlow and Keras."""
