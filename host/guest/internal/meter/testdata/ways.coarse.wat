(module
  (type (;0;) (func (param i32) (result i32)))
  (type (;1;) (func (param i64 i64) (result i64)))
  (type (;2;) (func (param i64)))
  (import "wasmflow_meter" "refuel" (func (;0;) (type 1)))
  (func (;1;) (type 0) (param i32) (result i32)
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 17))
      (then)
      (else
        (call 7
          (i64.const 17))))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 17)))
    (block  ;; label = @1
      (block  ;; label = @2
        (if  ;; label = @3
          (local.get 0)
          (then
            (br 1 (;@2;))))
        (if  ;; label = @3
          (i32.gt_u
            (local.get 0)
            (i32.const 100))
          (then
            (br 2 (;@1;))))
        (local.set 0
          (i32.const 1))
        (nop))
      (local.set 0
        (i32.add
          (i32.const 3)
          (i32.const 4)))
      (if  ;; label = @2
        (local.get 0)
        (then
          (br 1 (;@1;))))
      (local.set 0
        (i32.const 9)))
    (local.get 0))
  (func (;2;) (type 0) (param i32) (result i32)
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 25))
      (then)
      (else
        (call 7
          (i64.const 25))))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 25)))
    (block  ;; label = @1
      (block  ;; label = @2
        (block  ;; label = @3
          (if  ;; label = @4
            (local.get 0)
            (then
              (br 1 (;@3;))))
          (if  ;; label = @4
            (i32.lt_u
              (local.get 0)
              (i32.const 100))
            (then
              (br 2 (;@2;))))
          (local.set 0
            (i32.const 5))
          (br 2 (;@1;)))
        (if  ;; label = @3
          (i32.gt_u
            (local.get 0)
            (i32.const 100))
          (then
            (br 2 (;@1;))))
        (local.set 0
          (i32.const 6))
        (br 0 (;@2;)))
      (local.set 0
        (i32.mul
          (i32.const 2)
          (local.get 0)))
      (if  ;; label = @2
        (i32.gt_u
          (local.get 0)
          (i32.const 200))
        (then
          (br 1 (;@1;)))))
    (local.get 0))
  (func (;3;) (type 0) (param i32) (result i32)
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 12)))
    (block  ;; label = @1
      (block  ;; label = @2
        (block  ;; label = @3
          (br_table 0 (;@3;) 0 (;@3;) 1 (;@2;)
            (i32.div_u
              (local.get 0)
              (i32.const 77))))
        (if  ;; label = @3
          (local.get 0)
          (then
            (br 2 (;@1;))))
        (local.set 0
          (i32.const 1))
        (br 0 (;@2;)))
      (local.set 0
        (i32.const 8)))
    (local.get 0))
  (func (;4;) (type 0) (param i32) (result i32)
    (local i32)
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 5)))
    (block  ;; label = @1
      (block  ;; label = @2
        (block  ;; label = @3
          (loop  ;; label = @4
            (block  ;; label = @5
              (if  ;; label = @6
                (i64.ge_s
                  (global.get 0)
                  (i64.const 0))
                (then)
                (else
                  (br 1 (;@5;))))
              (loop  ;; label = @6
                (if  ;; label = @7
                  (i64.ge_s
                    (global.get 0)
                    (i64.const 24))
                  (then)
                  (else
                    (br 2 (;@5;))))
                (global.set 0
                  (i64.sub
                    (global.get 0)
                    (i64.const 24)))
                (block  ;; label = @7
                  (if  ;; label = @8
                    (i32.eqz
                      (local.get 0))
                    (then
                      (br 6 (;@2;))))
                  (if  ;; label = @8
                    (i32.and
                      (local.get 0)
                      (i32.const 3))
                    (then
                      (br 1 (;@7;))))
                  (if  ;; label = @8
                    (i32.gt_u
                      (local.get 1)
                      (i32.const 1000))
                    (then
                      (br 7 (;@1;))))
                  (local.set 1
                    (i32.add
                      (local.get 1)
                      (i32.const 7))))
                (local.set 0
                  (i32.sub
                    (local.get 0)
                    (i32.const 1)))
                (local.set 1
                  (i32.add
                    (local.get 1)
                    (local.get 0)))
                (br 0 (;@6;)))
              (br 2 (;@3;)))
            (call 7
              (i64.const 24))
            (br 0 (;@4;)))
          (unreachable)))
      (local.set 1
        (i32.add
          (local.get 1)
          (i32.const 1))))
    (local.get 1))
  (func (;5;) (type 0) (param i32) (result i32)
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 23))
      (then)
      (else
        (call 7
          (i64.const 23))))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 23)))
    (block  ;; label = @1
      (block  ;; label = @2
        (if  ;; label = @3
          (local.get 0)
          (then
            (br 1 (;@2;))))
        (if  ;; label = @3
          (i32.gt_u
            (local.get 0)
            (i32.const 100))
          (then
            (br 2 (;@1;))))
        (local.set 0
          (i32.const 1)))
      (drop
        (i32.add
          (i32.const 2)
          (i32.const 3))))
    (block  ;; label = @1
      (block  ;; label = @2
        (if  ;; label = @3
          (i32.gt_u
            (local.get 0)
            (i32.const 100))
          (then
            (br 1 (;@2;))))
        (if  ;; label = @3
          (local.get 0)
          (then
            (br 2 (;@1;))))
        (local.set 0
          (i32.const 1)))
      (local.set 0
        (i32.const 3)))
    (local.get 0))
  (func (;6;) (type 0) (param i32) (result i32)
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 19))
      (then)
      (else
        (call 7
          (i64.const 19))))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 19)))
    (block  ;; label = @1
      (block  ;; label = @2
        (if  ;; label = @3
          (local.get 0)
          (then
            (if  ;; label = @4
              (i32.gt_u
                (local.get 0)
                (i32.const 100))
              (then
                (br 3 (;@1;))))
            (local.set 0
              (i32.const 4))
            (br 1 (;@2;)))
          (else
            (if  ;; label = @4
              (i32.eqz
                (local.get 0))
              (then
                (br 2 (;@2;))))))
        (local.set 0
          (i32.const 5)))
      (local.set 0
        (i32.add
          (local.get 0)
          (i32.const 2))))
    (local.get 0))
  (func (;7;) (type 2) (param i64)
    (global.set 0
      (call 0
        (global.get 0)
        (local.get 0))))
  (global (;0;) (mut i64) (i64.const 0))
  (export "fall" (func 1))
  (export "jump" (func 2))
  (export "table" (func 3))
  (export "loops" (func 4))
  (export "twice" (func 5))
  (export "arms" (func 6))
  (export "wasmflow_meter.fuel" (global 0)))
