;; Prints to standard error, a line and a half, and traps.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (drop (call $write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 72)))
    (unreachable))
  (data (i32.const 16) "first\nsecond: out of luck")
  (data (i32.const 64) "\10\00\00\00\19\00\00\00"))
