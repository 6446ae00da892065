"""The linear-Gaussian latent variable model, an oracle for bounds and gradients in NumPy and SciPy alone.

    p(z) = N(0, I_L),  p(x|z) = N(W z + b, s^2 I_D),  q(z|x) = N(A x + c, S S^T)

Shapes: x [N, D], A [L, D], c [L], z and its noise eps [..., K, N, L] with z = A x + c + S eps. `S` chooses
the family of q: of shape [L] it is the diagonal of a diagonal scale, of shape [L, L] a lower-triangular
scale with positive diagonal. Everything is float64 and in nats.

Gradients are dicts of arrays shaped like their parameters, of the mean over the N examples: "W", "b", "log_s"
for the model (theta), "A", "c" and "log_diag_S" (diagonal S, by its log) or "S" (lower triangle, zero above)
for q (phi).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from scipy import linalg, special

Array = np.ndarray
Gradients = dict[str, Array]

_LOG_2PI = math.log(2 * math.pi)
_BLOCK = 2**18  # numbers in the largest array of one block of replicates

# From uniform weights u = 1 / K and w~ = softmax_k(log w) to the model, path and score weights.
ESTIMATORS: dict[str, Callable[[Array, Array], tuple[Array, Array, Array]]] = {
    "elbo": lambda u, w: (u, u, -u),
    "stl": lambda u, w: (u, u, 0 * u),
    "iwae": lambda u, w: (w, w, -w),
    "iwae-stl": lambda u, w: (w, w, 0 * w),
    "dreg": lambda u, w: (w, w**2, 0 * w),
    "rws": lambda u, w: (w, 0 * w, w),
    "rws-dreg": lambda u, w: (w, w - w**2, 0 * w),
}


@dataclasses.dataclass(frozen=True, eq=False)
class LinearGaussian:
    """p(z) = N(0, I_L), p(x|z) = N(W z + b, s^2 I_D) with W [D, L], b [D], s > 0.

    Raises:
        ValueError: here and in the methods, where shapes do not fit or a scale is not positive.
    """

    W: Array
    b: Array
    s: float

    def __post_init__(self) -> None:
        for name in ("W", "b"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))
        if self.W.ndim != 2 or self.b.shape != self.W.shape[:1] or not self.s > 0:
            received = f"{self.W.shape}, {self.b.shape}, {self.s}"
            raise ValueError(f"the model does not fit; expected W [D, L], b [D], s > 0; received {received}")

    def log_marginal(self, x: Array) -> Array:
        """Returns log N(x; b, W W^T + s^2 I), [N], exact."""
        D = len(self.b)
        root = linalg.cholesky(self.W @ self.W.T + self.s**2 * np.eye(D), lower=True)
        white = linalg.solve_triangular(root, (self._data(x) - self.b).T, lower=True)
        return -0.5 * (D * _LOG_2PI + np.sum(white**2, axis=0)) - np.sum(np.log(np.diag(root)))

    def posterior(self, x: Array) -> tuple[Array, Array]:
        """Returns the mean C W^T (x - b) / s^2, [N, L], and covariance C = (I + W^T W / s^2)^-1 of p(z|x)."""
        covariance = linalg.inv(np.eye(self.W.shape[1]) + self.W.T @ self.W / self.s**2)
        return (self._data(x) - self.b) @ self.W @ covariance / self.s**2, covariance

    def elbo(self, x: Array, A: Array, c: Array, S: Array) -> Array:
        """Returns E_q[log p(x, z) - log q(z|x)], [N], exact.

            -D/2 log(2 pi) - D log s - (|x - W m - b|^2 + |W S|^2) / (2 s^2)
            + (L - |m|^2 - |S|^2) / 2 + log det S

        with m = A x + c and Frobenius norms.
        """
        x, loc, scale = self._encode(x, A, c, S)
        D, L = self.W.shape
        error = np.sum((x - loc @ self.W.T - self.b) ** 2, axis=-1) + np.sum((self.W @ scale) ** 2)
        log_likelihood = -D * (0.5 * _LOG_2PI + math.log(self.s)) - error / (2 * self.s**2)
        minus_kl = 0.5 * (L - np.sum(loc**2, axis=-1) - np.sum(scale**2)) + np.sum(np.log(np.diag(scale)))
        return log_likelihood + minus_kl

    def log_weights(self, x: Array, z: Array, A: Array, c: Array, S: Array) -> Array:
        """Returns log p(x|z) + log p(z) - log q(z|x), [..., K, N], at z [..., K, N, L]."""
        x, loc, scale = self._encode(x, A, c, S)
        white = (self._particles(z, x) - loc) @ linalg.inv(scale).T
        log_q = -0.5 * (np.sum(white**2, axis=-1) + len(scale) * _LOG_2PI) - np.sum(np.log(np.diag(scale)))
        return self._log_joint(x, z) - log_q

    def elbo_gradients(self, x: Array, A: Array, c: Array, S: Array) -> Gradients:
        """Returns the exact gradients of the mean over the batch of `elbo`."""
        x, loc, scale = self._encode(x, A, c, S)
        n, variance = len(x), self.s**2
        error, spread = x - loc @ self.W.T - self.b, self.W @ scale
        slope = error @ self.W / variance - loc
        theta = {
            "W": (error.T @ loc / n - spread @ scale.T) / variance,
            "b": error.mean(axis=0) / variance,
            "log_s": (np.sum(error**2) / n + np.sum(spread**2)) / variance - len(self.b),
        }
        d_scale = np.diag(1 / np.diag(scale)) - scale - self.W.T @ spread / variance
        return theta | _posterior_gradients(slope.T @ x / n, slope.mean(axis=0), d_scale, S)

    def expected_iwelbo(
        self,
        x: Array,
        A: Array,
        c: Array,
        S: Array,
        K: int,
        num_replicates: int,
        seed: int,
        alpha: float = 0.0,
    ) -> tuple[Array, Array]:
        """Returns E[log (1/K) sum_k w_k] by brute force: the mean and its standard error, each [N].

        With `alpha` in [0, 1) it is the VR-IWAE bound, E[log (1/K) sum_k w_k^(1 - alpha)] / (1 - alpha). The noise
        depends on the seed and the shapes alone, so this is a smooth function of the parameters.
        """
        x, loc, scale = self._encode(x, A, c, S)

        def replicate(eps: Array) -> Gradients:
            log_w, _ = self._log_weights_at_noise(x, loc, scale, eps)
            bound = special.logsumexp((1 - alpha) * log_w, axis=-2) - math.log(K)
            return {"iwelbo": bound / (1 - alpha)}

        return self._monte_carlo(replicate, K, len(x), num_replicates, seed)["iwelbo"]

    def iwelbo_gradients(
        self,
        x: Array,
        A: Array,
        c: Array,
        S: Array,
        K: int,
        num_replicates: int,
        seed: int,
        alpha: float = 0.0,
    ) -> dict[str, tuple[Array, Array]]:
        """Returns the gradients of the mean over the batch of `expected_iwelbo` by brute force.

        With z = A x + c + S eps put in, log w = log p(x, z) + |eps|^2 / 2 + log det S + const, and at fixed
        eps the bound is a plain function of the parameters. With w~ = softmax_k((1 - alpha) log w) its derivatives are

            d/d theta = sum_k w~_k d/d theta log p(x, z_k)
            d/d phi   = sum_k w~_k (dz_k/d phi)^T d/dz log p(x, z_k) + d/d phi log det S

        Same seed and shapes: same noise as `expected_iwelbo`, whose derivative this is.

        Returns:
            name: (mean, standard error over the replicates), each shaped like the parameter.
        """
        x, loc, scale = self._encode(x, A, c, S)

        def replicate(eps: Array) -> Gradients:
            log_w, z = self._log_weights_at_noise(x, loc, scale, eps)
            weights = special.softmax((1 - alpha) * log_w, axis=-2)
            d_A, d_c, d_scale = _through_z(weights[..., None] * self._joint_slope(x, z), eps, x)
            d_scale = d_scale + np.diag(1 / np.diag(scale))
            return self._model_gradients(weights, x, z) | _posterior_gradients(d_A, d_c, d_scale, S)

        return self._monte_carlo(replicate, K, len(x), num_replicates, seed)

    def estimator_gradients(self, name: str, x: Array, A: Array, c: Array, S: Array, eps: Array) -> Gradients:
        """Returns what an estimator gives at the noise `eps`, [..., K, N, L]; leading axes are replicates.

            theta: sum_k model_k d/d theta log p(x, z_k)
            phi:   sum_k path_k (dz_k/d phi)^T d/dz [log p(x, z_k) - log q(z_k|x)]
                   + sum_k score_k d/d phi log q(z_k|x) at fixed z_k

        with the weights of `ESTIMATORS[name]`.

        References:
            Roeder, Wu, Duvenaud 2017, Sticking the landing (arXiv:1703.09194).
            Tucker, Lawson, Gu, Maddison 2018, Doubly reparameterized gradient estimators for Monte Carlo
            objectives (arXiv:1810.04152).
        """
        x, loc, scale = self._encode(x, A, c, S)
        eps = self._particles(eps, x)
        z = loc + eps @ scale.T
        log_w = self.log_weights(x, z, A, c, S)
        uniform = np.full_like(log_w, 1 / log_w.shape[-2])
        model, path, score = ESTIMATORS[name](uniform, special.softmax(log_w, axis=-2))
        log_q_by_loc = eps @ linalg.inv(scale)
        along_path = _through_z(path[..., None] * (self._joint_slope(x, z) + log_q_by_loc), eps, x)
        at_fixed_z = _through_z(score[..., None] * log_q_by_loc, eps, x)
        d_A, d_c, d_scale = (p + f for p, f in zip(along_path, at_fixed_z, strict=True))
        total_score = score.sum(axis=-2).mean(axis=-1)[..., None, None]
        d_scale = d_scale - total_score * np.diag(1 / np.diag(scale))
        return self._model_gradients(model, x, z) | _posterior_gradients(d_A, d_c, d_scale, S)

    def _monte_carlo(
        self, replicate: Callable[[Array], Gradients], K: int, n: int, num_replicates: int, seed: int
    ) -> dict[str, tuple[Array, Array]]:
        """Returns means and standard errors of `replicate`: from noise [r, K, N, L] to values [r, ...].

        The noise is the same however it is cut into blocks, and the blocks are merged without cancellation.
        """
        if num_replicates < 2 or K < 1:
            raise ValueError(f"expected num_replicates >= 2 and K >= 1; received {num_replicates} and {K}")
        rng, totals = np.random.default_rng(seed), {}
        block = max(1, _BLOCK // (K * n * max(self.W.shape)))
        for count in range(0, num_replicates, block):
            size = min(block, num_replicates - count)
            for name, values in replicate(rng.standard_normal((size, K, n, self.W.shape[1]))).items():
                mean, squares = totals.get(name, (0.0, 0.0))
                gap = values.mean(axis=0) - mean
                inside = np.sum((values - values.mean(axis=0)) ** 2, axis=0)
                between = gap**2 * count * size / (count + size)
                totals[name] = mean + gap * size / (count + size), squares + inside + between
        scale = 1 / math.sqrt(num_replicates * (num_replicates - 1))
        return {name: (mean, scale * np.sqrt(squares)) for name, (mean, squares) in totals.items()}

    def _data(self, x: Array) -> Array:
        x = np.asarray(x, np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.b) or not len(x):
            raise ValueError(f"x does not fit; expected [N, {len(self.b)}]; received {x.shape}")
        return x

    def _encode(self, x: Array, A: Array, c: Array, S: Array) -> tuple[Array, Array, Array]:
        """Returns x, the location of q [N, L] and its scale as a matrix [L, L]."""
        x, L = self._data(x), self.W.shape[1]
        A, c, S = (np.asarray(t, np.float64) for t in (A, c, S))
        scale = np.diag(S) if S.ndim == 1 else S
        if A.shape != self.W.T.shape or c.shape != (L,) or scale.shape != (L, L):
            received = f"{A.shape}, {c.shape}, {S.shape}"
            raise ValueError(f"q does not fit; expected A [L, D], c [L], S [L] or [L, L]; got {received}")
        if np.triu(scale, 1).any() or not np.all(np.diag(scale) > 0):
            raise ValueError(f"S is no scale; expected lower-triangular, diagonal > 0; received {S.tolist()}")
        return x, x @ A.T + c, scale

    def _particles(self, z: Array, x: Array) -> Array:
        z = np.asarray(z, np.float64)
        if z.ndim < 3 or z.shape[-2:] != (len(x), self.W.shape[1]):
            expected = f"[..., K, {len(x)}, {self.W.shape[1]}]"
            raise ValueError(f"particles do not fit; expected {expected}; received {z.shape}")
        return z

    def _log_joint(self, x: Array, z: Array) -> Array:
        D, L = self.W.shape
        error = np.sum((x - z @ self.W.T - self.b) ** 2, axis=-1) / self.s**2
        return -0.5 * (error + np.sum(z**2, axis=-1) + (D + L) * _LOG_2PI) - D * math.log(self.s)

    def _joint_slope(self, x: Array, z: Array) -> Array:
        """Returns d/dz log p(x, z), shaped like z."""
        return (x - z @ self.W.T - self.b) @ self.W / self.s**2 - z

    def _log_weights_at_noise(self, x: Array, loc: Array, scale: Array, eps: Array) -> tuple[Array, Array]:
        """Returns log w [..., K, N] and z, by change of variables instead of through the density of q."""
        z = loc + eps @ scale.T
        log_noise = -0.5 * (np.sum(eps**2, axis=-1) + len(scale) * _LOG_2PI)
        return self._log_joint(x, z) - log_noise + np.sum(np.log(np.diag(scale))), z

    def _model_gradients(self, weights: Array, x: Array, z: Array) -> Gradients:
        """Returns mean_n sum_k weights d/d theta log p(x, z), weights [..., K, N]."""
        error = (x - z @ self.W.T - self.b) / self.s
        slope = weights[..., None] * error / self.s
        d_log_s = weights * (np.sum(error**2, axis=-1) - len(self.b))
        return {
            "W": _outer(slope, z),
            "b": slope.sum(axis=-3).mean(axis=-2),
            "log_s": d_log_s.sum(axis=-2).mean(axis=-1),
        }


def _outer(u: Array, v: Array) -> Array:
    """Returns mean_n sum_k u v^T, [..., U, V], for u [..., K, N, U] and v [..., K, N, V]."""
    n = u.shape[-2]
    u, v = (t.reshape(*t.shape[:-3], -1, t.shape[-1]) for t in (u, v))
    return np.swapaxes(u, -1, -2) @ v / n


def _through_z(slope: Array, eps: Array, x: Array) -> tuple[Array, Array, Array]:
    """Returns mean_n sum_k (dz/d .)^T slope for A, c and the scale matrix of z = A x + c + S eps."""
    per_example = slope.sum(axis=-3)
    d_A = np.swapaxes(per_example, -1, -2) @ x / len(x)
    return d_A, per_example.mean(axis=-2), _outer(slope, eps)


def _posterior_gradients(d_A: Array, d_c: Array, d_scale: Array, S: Array) -> Gradients:
    """Names the gradients for q and takes the one for its scale matrix to the parameters in use."""
    S = np.asarray(S)
    if S.ndim == 1:
        return {"A": d_A, "c": d_c, "log_diag_S": np.diagonal(d_scale, axis1=-2, axis2=-1) * S}
    return {"A": d_A, "c": d_c, "S": np.tril(d_scale)}
