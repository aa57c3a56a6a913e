;; Vectors, sign extension, saturating conversion, several results.
(module
  (memory 1)
  (func $pair (param i64) (result i64 i64) local.get 0 i64.extend8_s local.get 0)
  (func (export "f") (param i32) (result i32)
    local.get 0
    v128.load offset=4 align=1
    v128.const i32x4 1 2 3 4
    i16x8.add
    v128.const i32x4 1 2 3 4
    i8x16.shuffle 0 1 2 3 4 5 6 7 24 25 26 27 28 29 30 31
    i32x4.extract_lane 1
    i64.extend_i32_u
    call $pair
    i64.add
    i32.wrap_i64
    f32.const 3e20
    i32.trunc_sat_f32_s
    i32.add))
