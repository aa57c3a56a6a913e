;; Counts to fifty million, then answers with an empty result.
(module
  (import "wasmflow" "log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 4)
  (data (i32.const 16) "spinning")
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (local $n i32)
    (call $log (i32.const 1) (i32.const 16) (i32.const 8))
    (loop $again
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 50000000))))
    (i64.store (i32.const 65536) (i64.const 0x0030004031524657)) ;; magic, header_size, record_size
    (i32.store (i32.const 65552) (i32.const 64)) ;; records_at
    (i64.const 0x0001000000000040)))
