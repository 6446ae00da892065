"""What differs between a preset and the paper, or the code, that its summary names."""

from __future__ import annotations

BURDA = (
    "Adam's beta_1 is 0.9, as in the paper; the authors' code has 0.99",
    "Adam's second moments start at 0; in the authors' code they start at 1, which shortens the first steps",
    "the loss is a mean over the batch, so Adam's epsilon is 5e-6; the authors' code sums over 20 examples with 1e-4",
    "learning rates are 10^(-i/7) times the first; the authors' code rounds them to two digits",
    "examples are shuffled in every epoch; the authors' code takes them in one order",
)

DIFFERENCES: dict[str, tuple[str, ...]] = {
    "tutorial-400-20": (
        "Kingma and Welling have 500 tanh units and Adagrad; the tutorials have these 400 rectified ones and Adam",
        "tutorials give grey pixels to the Bernoulli likelihood; here pixels are binarised at every visit",
        "tutorials train for 10 epochs, as here, or for 15",
        "tutorials have the KL divergence in closed form; here it is sampled, but for --estimator elbo-analytic",
        "tutorials sum the loss over the batch, under which Adam's epsilon is smaller: 1e-8 / 128 of a mean, here 1e-7",
    ),
    "burda-1layer": BURDA,
    "burda-2layer": BURDA,
    "ladder-2layer": (
        "two layers of 100 and 50 units with tanh; the paper has five of 64, 32, 16, 8 and 4 with leaky rectifiers",
        "no batch normalisation; the paper normalises every hidden layer and recomputes the averages in the end",
        "no warm-up of the KL divergence, but for --kl-warmup; the paper has 200 of its 2,000 epochs",
        "the training is that of burda-2layer; the paper's has batches of 256",
        "scales are exponentials; the paper has softplus",
    ),
    "draw": (
        "10 steps; the paper has 64",
        "each step's KL divergence is sampled; in the paper it is in closed form, as with --estimator elbo-analytic",
        "pixels are binarised at every visit; the paper has them binarised once",
        "the windows start over half of the image, neither weakening nor strengthening; the paper says nothing of that",
        "learning rate, its schedule, batch and epochs are this package's own",
    ),
    "dcgan": (
        "16 filters before the image; the paper has 128, as with widths=(128,)",
        "latents are normal; the paper has them uniform",
        "images are in [0, 1], which the networks scale to the paper's [-1, 1]",
        "batches of examples and samples are normalised apart, as in the authors' code; the paper says nothing of that",
        "the number of epochs is this package's own",
    ),
    "gmmn": (
        "Adam at a constant rate; the paper's authors descend with momentum and lower the rate once",
        "the number of epochs is this package's own",
    ),
    "gmmn-autoencoder": (
        "Adam at a constant rate; the paper's authors descend with momentum and lower the rate once",
        "the autoencoder's layers are trained together from the start; the authors train each alone first",
        "batches of 1000 for the autoencoder too; the authors' code has 100",
        "the number of epochs is this package's own",
    ),
    "nce-ica": (
        "Adam, with noise that is new at every step; the paper has conjugate gradients and one set of noise",
        "the data set has one mixing matrix; the paper draws many at random",
    ),
    "sbn-200-200-200": (
        "pixels are binarised at every visit; the paper has them binarised once",
        "optimiser, learning rate, batch and epochs are this package's own",
    ),
}
