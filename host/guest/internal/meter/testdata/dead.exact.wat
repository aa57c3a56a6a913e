(module
  (type (;0;) (func (param i32) (result i32)))
  (type (;1;) (func (param i64 i64) (result i64)))
  (type (;2;) (func (param i64)))
  (import "wasmflow_meter" "refuel" (func (;0;) (type 1)))
  (func (;1;) (type 0) (param i32) (result i32)
    (block  ;; label = @1
      (loop  ;; label = @2
        (block  ;; label = @3
          (if  ;; label = @4
            (i64.ge_s
              (global.get 0)
              (i64.const 0))
            (then)
            (else
              (br 1 (;@3;))))
          (loop  ;; label = @4
            (if  ;; label = @5
              (i64.ge_s
                (global.get 0)
                (i64.const 3))
              (then)
              (else
                (br 2 (;@3;))))
            (global.set 0
              (i64.sub
                (global.get 0)
                (i64.const 3)))
            (if  ;; label = @5
              (i32.eqz
                (local.get 0))
              (then
                (global.set 0
                  (i64.sub
                    (global.get 0)
                    (i64.const 2)))
                (return
                  (i32.const 9))
                (loop  ;; label = @6
                  (br 0 (;@6;))
                  (br 2 (;@4;)))
                (drop
                  (block (result i32)  ;; label = @6
                    (if  ;; label = @7
                      (i32.const 1)
                      (then
                        (br 3 (;@4;))))
                    (if  ;; label = @7
                      (i32.const 2)
                      (then
                        (br 2 (;@5;)))
                      (else
                        (br 0 (;@7;))))
                    (i32.const 4)))))
            (global.set 0
              (i64.sub
                (global.get 0)
                (i64.const 5)))
            (local.set 0
              (i32.sub
                (local.get 0)
                (i32.const 1)))
            (br 0 (;@4;))
            (drop
              (i32.const 5)))
          (br 2 (;@1;)))
        (call 2
          (i64.const 3))
        (br 0 (;@2;)))
      (unreachable))
    (unreachable)
    (i32.add
      (i32.const 4)
      (i32.const 5)))
  (func (;2;) (type 2) (param i64)
    (global.set 0
      (call 0
        (global.get 0)
        (local.get 0))))
  (global (;0;) (mut i64) (i64.const 0))
  (export "f" (func 1))
  (export "wasmflow_meter.fuel" (global 0)))
