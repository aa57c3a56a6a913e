(module (func (export "f") i32.const 0 loop $l (param i32) i32.const 1 i32.add br $l end))
