;; Calls log with a pointer outside of memory.
(module
  (import "wasmflow" "log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 4)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (call $log (i32.const 1) (i32.const 0x3ffff) (i32.const 2))
    (i64.const 0)))
