;; The value of the one record is what the clocks and the random numbers say: real time, monotonic time, 8 bytes.
(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "wasmflow_abi_v1"))
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 640)))
    (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 648)))
    (drop (call $random (i32.const 656) (i32.const 8)))
    (i64.const 0x0000020000000040))
  ;; A result header with one record, which is nothing but a value of 24 bytes.
  (data (i32.const 512)
    "WFR1\40\00\30\00\00\00\00\00\01\00\00\00\40\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "\00\00\00\00\80\00\00\00\18\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\ff\ff\ff\ff\00\00\00\00\18\00\00\00"
    "\00\00\00\00\00\00\00\00\ff\ff\ff\ff\00\00\00\00"))
