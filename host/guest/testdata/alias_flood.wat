;; Returns ninety thousand records whose values are one and the same megabyte of its memory: an image of 5 MB that says 90 GB.
(module
  (memory (export "memory") 96)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (local $row i32)
    (i64.store (i32.const 65536) (i64.const 0x0030004031524657)) ;; magic, header_size, record_size
    (i32.store (i32.const 65548) (i32.const 90000)) ;; records
    (i32.store (i32.const 65552) (i32.const 64)) ;; records_at
    (i32.store (i32.const 65572) (i32.const 64)) ;; blob_at: over the records
    (i32.store (i32.const 65576) (i32.const 1048576)) ;; blob_len
    (local.set $row (i32.const 65600))
    (loop $next
      (i64.store offset=16 (local.get $row) (i64.const 0xfffffffe00000000)) ;; the source's key
      (i64.store offset=24 (local.get $row) (i64.const 0x0010000000000000)) ;; value: 1 MiB from the beginning of the blob
      (i32.store offset=40 (local.get $row) (i32.const -1)) ;; partition by key
      (local.set $row (i32.add (local.get $row) (i32.const 48)))
      (br_if $next (i32.lt_u (local.get $row) (i32.const 4385600))))
    (i64.const 0x0001000000000040)))
