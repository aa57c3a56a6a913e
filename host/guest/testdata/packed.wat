;; What transform returns are the first 8 bytes of the value of the first record.
(module
  (memory (export "memory") 4)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (i64.load (call $value (local.get $ptr))))
  ;; value is the address of the first record's value, after checking nothing.
  (func $value (param $ptr i32) (result i32)
    (i32.add (local.get $ptr)
      (i32.load offset=24 (i32.add (local.get $ptr) (i32.load offset=20 (local.get $ptr)))))))
