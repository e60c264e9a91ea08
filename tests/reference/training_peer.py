"""Time and peak memory of `implicit`'s ALS and NumPy's EASE on the data of tests/bench/training.rs.

    pip install numpy scipy implicit && python tests/reference/training_peer.py [als|cg|ease]
"""
import resource
import sys
import time

import numpy as np
import scipy.sparse as sp

sys.path.insert(0, __file__.rsplit("/", 1)[0])
MASK = (1 << 64) - 1


def synthetic(users, items, events):
    rng = np.random.default_rng(1)
    rows = np.array([], dtype=np.int64)
    while len(rows) < events:
        more = rng.integers(0, users, events) * items + (items * rng.random(events) ** 3).astype(np.int64)
        rows = np.unique(np.concatenate([rows, more]))
    rows = rng.choice(rows, events, replace=False)
    return sp.csr_matrix((np.ones(events, np.float32), (rows // items, rows % items)), shape=(users, items))


what = sys.argv[1] if len(sys.argv) > 1 else "als"
if what == "ease":
    x = synthetic(20_000, 12_000, 400_000)
    start = time.time()
    gram = (x.T @ x).toarray()
    gram[np.diag_indices(12_000)] += 200
    p = np.linalg.inv(gram)
    b = p / -np.diag(p)[None, :]
    np.fill_diagonal(b, 0)
    label = "NumPy EASE"
else:
    from implicit.cpu.als import AlternatingLeastSquares

    x = synthetic(20_000, 10_000, 1_000_000)
    model = AlternatingLeastSquares(factors=128, regularization=0.01, iterations=15, num_threads=2, use_cg=what == "cg", random_state=1)
    start = time.time()
    model.fit(x, show_progress=False)
    label = f"implicit ALS ({'3 CG steps' if what == 'cg' else 'Cholesky'})"
print(f"{label}: {time.time() - start:.2f} s, peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9:.3f} GB")
