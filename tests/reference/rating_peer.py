"""RMSE and MAE of Surprise's SVD on the very folds of `palate evaluate --protocol rating` (same seed, same shuffle).

    pip install "numpy<2" scikit-surprise && python tests/reference/rating_peer.py RATINGS.csv [FOLDS] [SEED]
"""
import csv
import sys

import numpy as np
from surprise import SVD, Dataset, Reader, SVDpp

MASK = (1 << 64) - 1


class Rng:
    """xoshiro256++ seeded by SplitMix64, as `math::rng`."""

    def __init__(self, seed):
        self.s = []
        x = seed
        for _ in range(4):
            x = (x + 0x9E3779B97F4A7C15) & MASK
            z = x
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
            self.s.append(z ^ (z >> 31))

    def next(self):
        s = self.s
        rot = lambda v, k: ((v << k) | (v >> (64 - k))) & MASK
        result = (rot((s[0] + s[3]) & MASK, 23) + s[0]) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rot(s[3], 45)
        return result

    def below(self, n):
        return (self.next() * n) >> 64


path = sys.argv[1]
folds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
rng = Rng(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
rows = [(r["userId"], r["movieId"], float(r["rating"])) for r in csv.DictReader(open(path))]
order = list(range(len(rows)))
for i in range(len(order) - 1, 0, -1):
    j = rng.below(i + 1)
    order[i], order[j] = order[j], order[i]
fold = np.zeros(len(rows), int)
for at, row in enumerate(order):
    fold[row] = at * folds // len(rows)
low, high = min(r[2] for r in rows), max(r[2] for r in rows)
squares, absolutes = [], []
for f in range(folds):
    train = [r for r, g in zip(rows, fold) if g != f]
    data = Dataset.load_from_df(__import__("pandas").DataFrame(train), Reader(rating_scale=(low, high)))
    model = SVD(random_state=1).fit(data.build_full_trainset())
    errors = [model.predict(u, i).est - r for (u, i, r), g in zip(rows, fold) if g == f]
    squares += [e * e for e in errors]
    absolutes += [abs(e) for e in errors]
    print(f"fold {f + 1}: RMSE {np.sqrt(np.mean(np.square(errors))):.4f}", flush=True)
print(f"Surprise SVD: RMSE {np.sqrt(np.mean(squares)):.4f} MAE {np.mean(absolutes):.4f}")
