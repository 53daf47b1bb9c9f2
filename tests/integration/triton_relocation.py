"""Compiles one kernel for two machines with the real Triton, in $TRITON_CACHE_DIR, and says as JSON
what its cache was good for: how many files `get_group` found, how many compiler stages ran all the
same, and how many files were written. No GPU is needed."""

import json

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler.compiler import make_backend
from triton.runtime.cache import FileCacheManager

TARGETS = [GPUTarget("cuda", 90, 32), GPUTarget("hip", "gfx942", 64)]


@triton.jit
def add_kernel(x, y, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    tl.store(out + at, tl.load(x + at, mask=inside) + tl.load(y + at, mask=inside), mask=inside)


class Counts:
    """Counts what one compilation does, from the moment it is made."""

    def __init__(self, backend_class):
        self.children = self.stages = self.writes = 0
        self._wrap(FileCacheManager, "get_group", self._after_get_group)
        self._wrap(FileCacheManager, "put", self._after_put)
        self._wrap(backend_class, "add_stages", self._after_add_stages)

    @staticmethod
    def _wrap(owner, name, after):
        original = getattr(owner, name)

        def wrapped(*args, **named):
            result = original(*args, **named)
            after(result, *args)
            return result

        setattr(owner, name, wrapped)

    def _after_get_group(self, group, *_):
        self.children += len(group or {})

    def _after_put(self, *_):
        self.writes += 1

    def _after_add_stages(self, _, backend, stages, *__):
        for name, stage in list(stages.items()):
            stages[name] = self._counted(stage)

    def _counted(self, stage):
        def run(*args):
            self.stages += 1
            return stage(*args)

        return run


def compile_for(target):
    counts = Counts(type(make_backend(target)))
    source = triton.compiler.ASTSource(
        fn=add_kernel,
        signature={"x": "*fp32", "y": "*fp32", "out": "*fp32", "n": "i32", "BLOCK": "constexpr"},
        constexprs={"BLOCK": 256},
    )
    kernel = triton.compile(source, target=target)
    return {
        "backend": target.backend,
        "hash": kernel.hash,
        "children": counts.children,
        "stages": counts.stages,
        "writes": counts.writes,
    }


print(json.dumps({"version": triton.__version__, "targets": [compile_for(t) for t in TARGETS]}))
