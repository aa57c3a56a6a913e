(module
  (type (;0;) (func (param i32) (result i32)))
  (type (;1;) (func (param i64 i64) (result i64)))
  (type (;2;) (func (param i64)))
  (import "wasmflow_meter" "refuel" (func (;0;) (type 1)))
  (func (;1;) (type 0) (param i32) (result i32)
    (local i32 i32)
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 529))
      (then)
      (else
        (call 2
          (i64.const 529))))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 529)))
    (i32.const 0)
    (i32.const 1)
    (local.tee 1
      (local.get 0))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.shr_u
          (i64.extend_i32_u
            (local.get 1))
          (i64.const 5))))
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 0))
      (then)
      (else
        (call 2
          (i64.const 0))))
    (memory.fill)
    (i32.const 1000)
    (i32.const 0)
    (local.tee 1
      (local.get 0))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.shr_u
          (i64.extend_i32_u
            (local.get 1))
          (i64.const 5))))
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 0))
      (then)
      (else
        (call 2
          (i64.const 0))))
    (memory.copy)
    (i32.const 2000)
    (i32.const 0)
    (local.tee 1
      (i32.const 5))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.shr_u
          (i64.extend_i32_u
            (local.get 1))
          (i64.const 5))))
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 0))
      (then)
      (else
        (call 2
          (i64.const 0))))
    (memory.init 1)
    (data.drop 1)
    (local.tee 2
      (memory.grow
        (local.tee 1
          (local.get 0))))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.shl
          (i64.extend_i32_u
            (i32.mul
              (local.get 1)
              (i32.ne
                (local.get 2)
                (i32.const -1))))
          (i64.const 14))))
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 0))
      (then)
      (else
        (call 2
          (i64.const 0))))
    (memory.size)
    (i32.add))
  (func (;2;) (type 2) (param i64)
    (global.set 0
      (call 0
        (global.get 0)
        (local.get 0))))
  (memory (;0;) 1 3)
  (global (;0;) (mut i64) (i64.const 0))
  (export "memory" (memory 0))
  (export "f" (func 1))
  (export "wasmflow_meter.fuel" (global 0))
  (data (;0;) (i32.const 8) "hello")
  (data (;1;) "world"))
