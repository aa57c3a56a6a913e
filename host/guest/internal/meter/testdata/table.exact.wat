(module
  (type (;0;) (func (param i32) (result i32)))
  (type (;1;) (func))
  (type (;2;) (func (param i64 i64) (result i64)))
  (type (;3;) (func (param i64)))
  (import "env" "host" (func $host (type 0)))
  (import "wasmflow_meter" "refuel" (func $wasmflow_meter.refuel (type 2)))
  (func $a (type 0) (param i32) (result i32)
    (global.set 1
      (i64.sub
        (global.get 1)
        (i64.const 3)))
    (i32.add
      (local.get 0)
      (i32.const 10)))
  (func $b (type 0) (param i32) (result i32)
    (global.set 1
      (i64.sub
        (global.get 1)
        (i64.const 514)))
    (block  ;; label = @1
      (block  ;; label = @2
        (loop  ;; label = @3
          (block  ;; label = @4
            (if  ;; label = @5
              (i64.ge_s
                (global.get 1)
                (i64.const 0))
              (then)
              (else
                (br 1 (;@4;))))
            (loop  ;; label = @5
              (if  ;; label = @6
                (i64.ge_s
                  (global.get 1)
                  (i64.const 2))
                (then)
                (else
                  (br 2 (;@4;))))
              (global.set 1
                (i64.sub
                  (global.get 1)
                  (i64.const 2)))
              (block  ;; label = @6
                (br_table 0 (;@6;) 1 (;@5;) 5 (;@1;)
                  (local.get 0)))
              (global.set 1
                (i64.sub
                  (global.get 1)
                  (i64.const 3)))
              (local.set 0
                (i32.const 1))
              (br 0 (;@5;)))
            (br 2 (;@2;)))
          (call $wasmflow_meter.check
            (i64.const 2))
          (br 0 (;@3;)))
        (unreachable)))
    (call $host
      (local.get 0)))
  (func (;4;) (type 0) (param i32) (result i32)
    (local i32 i32)
    (if  ;; label = @1
      (i64.ge_s
        (global.get 1)
        (i64.const 527))
      (then)
      (else
        (call $wasmflow_meter.check
          (i64.const 527))))
    (global.set 1
      (i64.sub
        (global.get 1)
        (i64.const 527)))
    (call_indirect (type 0)
      (local.get 0)
      (local.get 0))
    (local.tee 2
      (table.grow 1
        (ref.func $a)
        (local.tee 1
          (i32.const 5))))
    (global.set 1
      (i64.sub
        (global.get 1)
        (i64.shr_u
          (i64.extend_i32_u
            (i32.mul
              (local.get 1)
              (i32.ne
                (local.get 2)
                (i32.const -1))))
          (i64.const 2))))
    (if  ;; label = @1
      (i64.ge_s
        (global.get 1)
        (i64.const 0))
      (then)
      (else
        (call $wasmflow_meter.check
          (i64.const 0))))
    (i32.add)
    (i32.const 0)
    (i32.const 0)
    (local.tee 1
      (i32.const 2))
    (global.set 1
      (i64.sub
        (global.get 1)
        (i64.shr_u
          (i64.extend_i32_u
            (local.get 1))
          (i64.const 2))))
    (if  ;; label = @1
      (i64.ge_s
        (global.get 1)
        (i64.const 0))
      (then)
      (else
        (call $wasmflow_meter.check
          (i64.const 0))))
    (table.init 1 2)
    (i32.const 1)
    (i32.const 0)
    (local.tee 1
      (i32.const 1))
    (global.set 1
      (i64.sub
        (global.get 1)
        (i64.shr_u
          (i64.extend_i32_u
            (local.get 1))
          (i64.const 2))))
    (if  ;; label = @1
      (i64.ge_s
        (global.get 1)
        (i64.const 0))
      (then)
      (else
        (call $wasmflow_meter.check
          (i64.const 0))))
    (table.copy 1 0))
  (func $init (type 1)
    (if  ;; label = @1
      (i64.ge_s
        (global.get 1)
        (i64.const 3))
      (then)
      (else
        (call $wasmflow_meter.check
          (i64.const 3))))
    (global.set 1
      (i64.sub
        (global.get 1)
        (i64.const 3)))
    (drop
      (call $a
        (i32.const 0))))
  (func $wasmflow_meter.check (type 3) (param i64)
    (global.set 1
      (call $wasmflow_meter.refuel
        (global.get 1)
        (local.get 0))))
  (table (;0;) 4 100000 funcref)
  (table (;1;) 1 100000 funcref)
  (global (;0;) funcref (ref.func $a))
  (global (;1;) (mut i64) (i64.const 0))
  (export "f" (func 4))
  (export "wasmflow_meter.fuel" (global 1))
  (start $init)
  (elem (;0;) (i32.const 0) func $host $a $b)
  (elem (;1;) declare func $a)
  (elem (;2;) funcref (ref.func $b) (ref.null func)))
