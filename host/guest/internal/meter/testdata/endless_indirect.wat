(module (table 1 funcref) (elem (i32.const 0) $f) (func $f (export "f") i32.const 0 call_indirect i32.const 0 call_indirect))
