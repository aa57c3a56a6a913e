(module
  (type (;0;) (func (param i32) (result i64)))
  (type (;1;) (func (param i64 i32) (result i64)))
  (type (;2;) (func (param i64 i64) (result i64)))
  (type (;3;) (func (param i64)))
  (import "wasmflow_meter" "refuel" (func (;0;) (type 2)))
  (func (;1;) (type 0) (param i32) (result i64)
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 2)))
    (i64.const 1)
    (local.get 0)
    (loop (param i64 i32) (result i64)  ;; label = @1
      (if  ;; label = @2
        (i64.ge_s
          (global.get 0)
          (i64.const 11))
        (then)
        (else
          (call 2
            (i64.const 11))))
      (global.set 0
        (i64.sub
          (global.get 0)
          (i64.const 11)))
      (local.set 0)
      (i64.extend_i32_u
        (local.get 0))
      (br_if 0 (;@1;)
        (i64.add)
        (local.tee 0
          (i32.sub
            (local.get 0)
            (i32.const 1)))
        (local.get 0))
      (drop)))
  (func (;2;) (type 3) (param i64)
    (global.set 0
      (call 0
        (global.get 0)
        (local.get 0))))
  (global (;0;) (mut i64) (i64.const 0))
  (export "f" (func 1))
  (export "wasmflow_meter.fuel" (global 0)))
