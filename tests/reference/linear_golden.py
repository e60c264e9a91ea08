"""Golden values for EASE, transitions and iALS from plain NumPy in f64, on a small seeded data set.

Writes tests/train/linear_golden.json.

    pip install numpy && python tests/reference/linear_golden.py
"""
import json
import pathlib

import numpy as np

rng = np.random.default_rng(3)
USERS, ITEMS, D = 60, 25, 6
taste = rng.normal(size=(USERS, 3)) @ rng.normal(size=(3, ITEMS))
sequences = []
for user in range(USERS):
    n = int(rng.integers(3, 12))
    sequences.append([int(i) for i in np.argsort(-(taste[user] + rng.normal(size=ITEMS)))[:n]])
X = np.zeros((USERS, ITEMS))
for user, items in enumerate(sequences):
    X[user, items] = 1


def ease(x, lam):
    p = np.linalg.inv(x.T @ x + lam * np.eye(ITEMS))
    b = -p / np.diag(p)[None, :]
    np.fill_diagonal(b, 0)
    return b


def slit(lam, past, future, window):
    s, t = [], []
    for items in sequences:
        for cut in range(1, len(items)):
            a, b = np.zeros(ITEMS), np.zeros(ITEMS)
            for i in range(max(0, cut - window), cut):
                a[items[i]] = np.exp(-(cut - 1 - i) / past)
            for i in range(cut, min(len(items), cut + window)):
                b[items[i]] = np.exp(-(i - cut) / future)
            s.append(a)
            t.append(b)
    s, t = np.array(s), np.array(t)
    b = np.linalg.inv(s.T @ s + lam * np.eye(ITEMS)) @ (s.T @ t)
    np.fill_diagonal(b, 0)
    return b


def ials_side(x, other, alpha0, lam, nu):
    out = np.zeros((x.shape[0], D))
    gram = alpha0 * other.T @ other
    for row in range(x.shape[0]):
        v = other[x[row] > 0]
        if len(v):
            ridge = lam * (len(v) + alpha0 * len(other)) ** nu
            out[row] = np.linalg.solve(v.T @ v + gram + ridge * np.eye(D), v.sum(0))
    return out


start = rng.normal(size=(ITEMS, D)) * 0.1 / np.sqrt(D)
items = start
for _ in range(3):
    users = ials_side(X, items, 0.1, 0.01, 1.0)
    items = ials_side(X.T, users, 0.1, 0.01, 1.0)
F = (rng.random((4, ITEMS)) < 0.3).astype(float)
out = {
    "items": ITEMS, "sequences": sequences, "dim": D,
    "ease": ease(X, 10.0).ravel().tolist(),
    "content": F.T.tolist(),
    "ease_content": ease(np.vstack([X, 1.5 * F]), 10.0).ravel().tolist(),
    "transitions": slit(5.0, 2.0, 3.0, 4).ravel().tolist(),
    "ials_start": start.ravel().tolist(),
    "ials_users": users.ravel().tolist(),
    "ials_items": items.ravel().tolist(),
}
path = pathlib.Path(__file__).parent.parent / "train" / "linear_golden.json"
round_ = lambda v: [round(x, 9) for x in v]
path.write_text(json.dumps({k: round_(v) if v and k not in ("sequences", "content", "items", "dim") else v for k, v in out.items()}, separators=(",", ":")) + "\n")
print(path.stat().st_size, "bytes")
