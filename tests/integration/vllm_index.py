"""Reads every vllm_compile_cache.py below a directory as vLLM does, and says as JSON how many of the
paths in them exist."""

import ast
import json
import os
import pathlib
import sys

counts = {"indexes": 0, "alive": 0, "dead": 0}
for index in pathlib.Path(sys.argv[1]).rglob("vllm_compile_cache.py"):
    counts["indexes"] += 1
    for handle in ast.literal_eval(index.read_text()).values():
        for part in handle:
            if part.startswith("/"):
                counts["alive" if os.path.exists(part) else "dead"] += 1
print(json.dumps(counts))
