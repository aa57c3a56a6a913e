(module
  (type (;0;) (func (param i32) (result i32)))
  (type (;1;) (func (param i64 i64) (result i64)))
  (type (;2;) (func (param i64)))
  (import "wasmflow_meter" "refuel" (func (;0;) (type 1)))
  (func (;1;) (type 0) (param i32) (result i32)
    (local i32 i32)
    (block  ;; label = @1
      (block  ;; label = @2
        (loop  ;; label = @3
          (block  ;; label = @4
            (if  ;; label = @5
              (i64.ge_s
                (global.get 0)
                (i64.const 0))
              (then)
              (else
                (br 1 (;@4;))))
            (loop  ;; label = @5
              (if  ;; label = @6
                (i64.ge_s
                  (global.get 0)
                  (i64.const 9))
                (then)
                (else
                  (br 2 (;@4;))))
              (global.set 0
                (i64.sub
                  (global.get 0)
                  (i64.const 9)))
              (if  ;; label = @6
                (i32.eqz
                  (local.get 0))
                (then
                  (global.set 0
                    (i64.add
                      (global.get 0)
                      (i64.const 5)))
                  (br 5 (;@1;))))
              (local.set 0
                (i32.sub
                  (local.get 0)
                  (i32.const 1)))
              (local.set 1
                (i32.const 0))
              (block  ;; label = @6
                (loop  ;; label = @7
                  (block  ;; label = @8
                    (if  ;; label = @9
                      (i64.ge_s
                        (global.get 0)
                        (i64.const 0))
                      (then)
                      (else
                        (br 1 (;@8;))))
                    (loop  ;; label = @9
                      (if  ;; label = @10
                        (i64.ge_s
                          (global.get 0)
                          (i64.const 11))
                        (then)
                        (else
                          (br 2 (;@8;))))
                      (global.set 0
                        (i64.sub
                          (global.get 0)
                          (i64.const 11)))
                      (if  ;; label = @10
                        (i32.gt_u
                          (local.tee 2
                            (i32.add
                              (local.get 2)
                              (local.get 1)))
                          (i32.const 100000))
                        (then
                          (global.set 0
                            (i64.add
                              (global.get 0)
                              (i64.const 3)))
                          (br 9 (;@1;))))
                      (if  ;; label = @10
                        (i32.eq
                          (local.get 2)
                          (i32.const 99999))
                        (then
                          (global.set 0
                            (i64.sub
                              (global.get 0)
                              (i64.const 2)))
                          (return
                            (i32.const -1))))
                      (global.set 0
                        (i64.sub
                          (global.get 0)
                          (i64.const 7)))
                      (if  ;; label = @10
                        (i32.lt_u
                          (local.tee 1
                            (i32.add
                              (local.get 1)
                              (i32.const 1)))
                          (i32.const 10))
                        (then
                          (br 1 (;@9;))))
                      (global.set 0
                        (i64.sub
                          (global.get 0)
                          (i64.const 1))))
                    (br 2 (;@6;)))
                  (call 3
                    (i64.const 11))
                  (br 0 (;@7;)))
                (unreachable))
              (br 0 (;@5;)))
            (br 2 (;@2;)))
          (call 3
            (i64.const 9))
          (br 0 (;@3;)))
        (unreachable)))
    (local.get 2))
  (func (;2;) (type 0) (param i32) (result i32)
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 2))
      (then)
      (else
        (call 3
          (i64.const 2))))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 2)))
    (i32.add
      (loop (result i32)  ;; label = @1
        (i32.const 5))
      (block (result i32)  ;; label = @1
        (loop  ;; label = @2
          (block  ;; label = @3
            (if  ;; label = @4
              (i64.ge_s
                (global.get 0)
                (i64.const 0))
              (then)
              (else
                (br 1 (;@3;))))
            (br 2 (;@1;)
              (loop (result i32)  ;; label = @4
                (if  ;; label = @5
                  (i64.ge_s
                    (global.get 0)
                    (i64.const 5))
                  (then)
                  (else
                    (br 2 (;@3;))))
                (global.set 0
                  (i64.sub
                    (global.get 0)
                    (i64.const 5)))
                (if  ;; label = @5
                  (local.tee 0
                    (i32.sub
                      (local.get 0)
                      (i32.const 1)))
                  (then
                    (br 1 (;@4;))))
                (global.set 0
                  (i64.sub
                    (global.get 0)
                    (i64.const 1)))
                (i32.const 2))))
          (call 3
            (i64.const 5))
          (br 0 (;@2;)))
        (unreachable))))
  (func (;3;) (type 2) (param i64)
    (global.set 0
      (call 0
        (global.get 0)
        (local.get 0))))
  (global (;0;) (mut i64) (i64.const 0))
  (export "f" (func 1))
  (export "g" (func 2))
  (export "wasmflow_meter.fuel" (global 0)))
