;; Its start function calls itself for ever.
(module
  (memory (export "memory") 4)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64) (i64.const 0))
  (func $again (param i64) (result i64)
    (i64.add (i64.const 1) (call $again (local.get 0))))
  (func $begin (drop (call $again (i64.const 1))))
  (start $begin))
