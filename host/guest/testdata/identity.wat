;; Every record comes out as it went in. The good guest of the tests, the example and the benchmark.
(module
  (memory (export "memory") 1)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param $size i32) (result i32)
    (select (i32.const 1024) (i32.const 0) (call $reserve (i32.add (i32.const 1024) (local.get $size)))))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (call $forward (local.get $ptr) (local.get $len)))
  ;; reserve makes memory reach up to an address; 0 where it cannot.
  (func $reserve (param $end i32) (result i32)
    (local $more i32)
    (local.set $more (i32.sub (i32.shr_u (i32.add (local.get $end) (i32.const 0xffff)) (i32.const 16)) (memory.size)))
    (if (i32.le_s (local.get $more) (i32.const 0)) (then (return (i32.const 1))))
    (i32.ne (memory.grow (local.get $more)) (i32.const -1)))
  ;; forward lays a result behind the image: every record as it came.
  (func $forward (param $ptr i32) (param $len i32) (result i64)
    (local $n i32) (local $out i32) (local $row i32) (local $i i32)
    (local.set $n (i32.load offset=12 (local.get $ptr)))
    (local.set $out (i32.and (i32.add (i32.add (local.get $ptr) (local.get $len)) (i32.const 7)) (i32.const -8)))
    (local.set $row (i32.add (local.get $out) (i32.const 64)))
    (if (i32.eqz (call $reserve (i32.add (local.get $row) (i32.mul (local.get $n) (i32.const 48))))) (then (unreachable)))
    (i64.store (local.get $out) (i64.const 0x0030004031524657)) ;; magic, header_size, record_size
    (i32.store offset=8 (local.get $out) (i32.const 0))
    (i32.store offset=12 (local.get $out) (local.get $n))
    (i32.store offset=16 (local.get $out) (i32.const 64)) ;; records_at
    (i64.store offset=20 (local.get $out) (i64.const 0))
    (i64.store offset=28 (local.get $out) (i64.const 0))
    (i64.store offset=36 (local.get $out) (i64.const 0))
    (i32.store offset=44 (local.get $out) (i32.const 0))
    (i64.store offset=48 (local.get $out) (i64.const 0))
    (i64.store offset=56 (local.get $out) (i64.const 0))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (i32.store (local.get $row) (local.get $i)) ;; source
        (i32.store offset=4 (local.get $row) (i32.const 0))
        (i64.store offset=8 (local.get $row) (i64.const 0))
        (i64.store offset=16 (local.get $row) (i64.const 0xfffffffe00000000)) ;; the source's key
        (i64.store offset=24 (local.get $row) (i64.const 0xfffffffe00000000)) ;; the source's value
        (i64.store offset=32 (local.get $row) (i64.const 0xffffffff00000000)) ;; the source's headers
        (i64.store offset=40 (local.get $row) (i64.const 0x00000000ffffffff)) ;; partition by key
        (local.set $row (i32.add (local.get $row) (i32.const 48)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i64.or (i64.shl (i64.extend_i32_u (local.get $out)) (i64.const 32)) (i64.const 64))))
