;; There is no marker.
(module
  (memory (export "memory") 4)
  (func (export "wasmflow_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "wasmflow_init") (param i32 i32) (result i64) (i64.const 0))
  (func (export "wasmflow_transform") (param $ptr i32) (param $len i32) (result i64)
    (i32.store (i32.const 512) (i32.const 0x31524657))
    (i32.store (i32.const 516) (i32.const 0x00300040))
    (i64.const 0x0000020000000040)))
