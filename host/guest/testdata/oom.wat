;; Says that it is out of memory, as Rust does, then traps.
(module
  (import "wasmflow" "fail" (func $fail (param i32 i32)))
  (memory (export "memory") 4)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (call $fail (i32.const 16) (i32.const 39))
    (unreachable))
  (data (i32.const 16) "memory allocation of 65536 bytes failed"))
