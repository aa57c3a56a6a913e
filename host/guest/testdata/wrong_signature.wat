;; transform takes one argument too few, and alloc is a global.
(module
  (memory (export "memory") 4)
  (func (export "wasmflow_abi_v1"))
  (global (export "wasmflow_alloc") i32 (i32.const 0))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param i32) (result i64) (i64.const 0)))
