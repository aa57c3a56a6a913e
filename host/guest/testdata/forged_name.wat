;; Its function without a name is exported by one that ends a line of the log and begins another.
(module
  (memory (export "memory") 1)
  (func (export "x)\0a2026-01-01 ERROR broker credentials rejected\0d\0a\1b[31m(") (unreachable))
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param i32 i32) (result i64) (call 0) (i64.const 0)))
