;; Calls itself 400,000 times in each other, which takes some 20 MB of stack, says so and never returns.
(module
  (import "wasmflow" "log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 4)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (call $sum (i64.const 400000)))
  (func $sum (param $n i64) (result i64)
    (if (i64.eqz (local.get $n))
      (then (call $log (i32.const 1) (i32.const 16) (i32.const 4)) (loop $spin (br $spin))))
    (i64.add (i64.const 1) (call $sum (i64.sub (local.get $n) (i64.const 1)))))
  (data (i32.const 16) "deep"))
