(module
  (type (;0;) (func (param i32) (result i32)))
  (type (;1;) (func (param i64 i64) (result i64)))
  (type (;2;) (func (param i64)))
  (import "wasmflow_meter" "refuel" (func $wasmflow_meter.refuel (type 1)))
  (func $helper (type 0) (param i32) (result i32)
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 3)))
    (i32.add
      (local.get 0)
      (i32.const 1)))
  (func (;2;) (type 0) (param i32) (result i32)
    (local i32)
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 8))
      (then)
      (else
        (call $wasmflow_meter.check
          (i64.const 8))))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 8)))
    (block  ;; label = @1
      (if  ;; label = @2
        (local.get 0)
        (then
          (global.set 0
            (i64.add
              (global.get 0)
              (i64.const 2)))
          (br 1 (;@1;))))
      (local.set 1
        (i32.const 7)))
    (if (result i32)  ;; label = @1
      (local.get 0)
      (then
        (global.set 0
          (i64.sub
            (global.get 0)
            (i64.const 2)))
        (call $helper
          (local.get 1)))
      (else
        (global.set 0
          (i64.sub
            (global.get 0)
            (i64.const 1)))
        (i32.const 3)
        (nop)))
    (if  ;; label = @1
      (local.get 0)
      (then
        (global.set 0
          (i64.sub
            (global.get 0)
            (i64.const 2)))
        (return
          (local.get 0))))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 2)))
    (local.get 1)
    (i32.add))
  (func $wasmflow_meter.check (type 2) (param i64)
    (global.set 0
      (call $wasmflow_meter.refuel
        (global.get 0)
        (local.get 0))))
  (global (;0;) (mut i64) (i64.const 0))
  (export "f" (func 2))
  (export "wasmflow_meter.fuel" (global 0)))
