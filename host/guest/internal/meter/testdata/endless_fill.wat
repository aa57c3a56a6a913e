(module (memory 16) (func (export "f") loop $l i32.const 0 i32.const 1 i32.const 1000000 memory.fill br $l end))
