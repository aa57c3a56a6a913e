;; Says that it is at the record whose index is the batch's partition, and traps.
(module
  (memory (export "memory") 4)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_record") (result i32) (i32.const 512))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (i32.store (i32.const 512) (i32.load offset=32 (local.get $ptr)))
    (unreachable)))
