;; Its start function traps, and is exported by a name that looks like the beginning of a stack trace.
(module
  (memory (export "memory") 1)
  (func $begin (export "\0awasm stack trace:\0a\09forged") (unreachable))
  (start $begin)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param i32 i32) (result i64) (i64.const 0)))
