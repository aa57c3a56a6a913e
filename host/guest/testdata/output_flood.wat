;; Returns two hundred thousand records, which all have the key and the value of the first one.
(module
  (memory (export "memory") 160)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (local $row i32)
    (i64.store (i32.const 65536) (i64.const 0x0030004031524657)) ;; magic, header_size, record_size
    (i32.store (i32.const 65548) (i32.const 200000)) ;; records
    (i32.store (i32.const 65552) (i32.const 64)) ;; records_at
    (local.set $row (i32.const 65600))
    (loop $next
      (i64.store offset=16 (local.get $row) (i64.const 0xfffffffe00000000)) ;; the source's key
      (i64.store offset=24 (local.get $row) (i64.const 0xfffffffe00000000)) ;; the source's value
      (i32.store offset=40 (local.get $row) (i32.const -1)) ;; partition by key
      (local.set $row (i32.add (local.get $row) (i32.const 48)))
      (br_if $next (i32.lt_u (local.get $row) (i32.const 9665600))))
    (i64.const 0x0001000000000040)))
