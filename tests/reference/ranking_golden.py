"""Golden cases for the ranking metrics: 1,000 random rankings with ties and empty users, judged by ranx.

Ties are broken pessimistically before ranx sees a ranking (targets last within a tie), because ranx breaks them by
hash order. ranx's recall, ndcg, mrr, precision and hit_rate are taken as they are; its map divides by |T|, ours by
min(k, |T|), so it is scaled. Writes tests/evaluate/ranking_golden.json: per case the scores and targets, and the mean
of every metric, and for 50 cases each metric of the user.

    pip install numpy ranx && python tests/reference/ranking_golden.py
"""
import json
import pathlib

import numpy as np
from ranx import Qrels, Run, evaluate

rng = np.random.default_rng(7)
K = [1, 5, 10, 20]
METRICS = ["hit_rate", "recall", "precision", "ndcg", "mrr", "map"]
cases = []
qrels, run = {}, {}
for case in range(1000):
    n = int(rng.integers(5, 40))
    levels = int(rng.choice([3, 6, 1000]))
    scores = rng.integers(0, levels, n)
    wanted = int(rng.choice([0, 1, 1, 2, 3, 5, 12], p=[0.05, 0.2, 0.25, 0.2, 0.1, 0.1, 0.1]))
    targets = sorted(int(t) for t in rng.choice(n, min(wanted, n - 1), replace=False))
    cases.append({"s": scores.tolist(), "t": targets})
    order = sorted(range(n), key=lambda i: (-scores[i], i in targets, i))
    if targets:
        qrels[f"{case:04}"] = {str(t): 1 for t in targets}
        run[f"{case:04}"] = {str(i): float(n - rank) for rank, i in enumerate(order)}
keys = sorted(qrels)
means, users = {}, {}
names = [f"{m}@{k}" for m in METRICS for k in K]
result = evaluate(Qrels(qrels), Run(run), names, return_mean=False)
for name in names:
    per_user = np.zeros(len(cases))
    k = int(name.split("@")[1])
    for key, value in zip(keys, result[name]):
        size = len(qrels[key])
        per_user[int(key)] = value * size / min(k, size) if name.startswith("map") else value
    # A user without targets counts 0.
    means[name] = float(per_user.mean())
    users[name] = per_user[:50].tolist()
out = pathlib.Path(__file__).parent.parent / "evaluate" / "ranking_golden.json"
out.write_text(json.dumps({"cases": cases, "means": means, "users": users}, separators=(",", ":")) + "\n")
print(len(keys), "users with targets;", out.stat().st_size, "bytes")
