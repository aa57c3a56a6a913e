(module
  (type (;0;) (func (param i64) (result i64 i64)))
  (type (;1;) (func (param i32) (result i32)))
  (type (;2;) (func (param i64 i64) (result i64)))
  (type (;3;) (func (param i64)))
  (import "wasmflow_meter" "refuel" (func $wasmflow_meter.refuel (type 2)))
  (func $pair (type 0) (param i64) (result i64 i64)
    (i64.extend8_s
      (local.get 0))
    (local.get 0))
  (func (;2;) (type 1) (param i32) (result i32)
    (if  ;; label = @1
      (i64.ge_s
        (global.get 0)
        (i64.const 30))
      (then)
      (else
        (call $wasmflow_meter.check
          (i64.const 30))))
    (global.set 0
      (i64.sub
        (global.get 0)
        (i64.const 30)))
    (i32.add
      (i32.wrap_i64
        (i64.add
          (call $pair
            (i64.extend_i32_u
              (i32x4.extract_lane 1
                (i8x16.shuffle 0 1 2 3 4 5 6 7 24 25 26 27 28 29 30 31
                  (i16x8.add
                    (v128.load offset=4 align=1
                      (local.get 0))
                    (v128.const i32x4 0x00000001 0x00000002 0x00000003 0x00000004))
                  (v128.const i32x4 0x00000001 0x00000002 0x00000003 0x00000004)))))))
      (i32.trunc_sat_f32_s
        (f32.const 0x1.043562p+68 (;=3e+20;)))))
  (func $wasmflow_meter.check (type 3) (param i64)
    (global.set 0
      (call $wasmflow_meter.refuel
        (global.get 0)
        (local.get 0))))
  (memory (;0;) 1 65536)
  (global (;0;) (mut i64) (i64.const 0))
  (export "f" (func 2))
  (export "wasmflow_meter.fuel" (global 0)))
