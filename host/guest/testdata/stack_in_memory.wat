;; Recurses without end on a stack in memory, as C and Rust have one: its pointer wraps, and what it points at is not there.
(module
  (memory (export "memory") 4)
  (global $stack (mut i32) (i32.const 65536))
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 131072))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func $recurse (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (global.set $stack (i32.sub (global.get $stack) (i32.const 1024)))
    (i32.store (global.get $stack) (local.get $len))
    (call $recurse (global.get $stack) (local.get $ptr))))
