;; Traps where it is asked for its record.
(module
  (memory (export "memory") 4)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_record") (result i32) (unreachable))
  (func (export "wasmflow_transform") (param i32 i32) (result i64) (i64.const 0)))
