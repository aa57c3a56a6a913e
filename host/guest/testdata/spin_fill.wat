;; Fills its memory for ever.
(module
  (import "wasmflow" "log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 4)
  (data (i32.const 16) "spinning")
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (call $log (i32.const 1) (i32.const 16) (i32.const 8))
    (loop $again (memory.fill (i32.const 65536) (i32.const 1) (i32.const 131072)) (br $again)) (i64.const 0)))
