(module (memory 1) (table 1 funcref) (func (export "f") loop $l
  i32.const 1 memory.grow drop ref.null func i32.const 100 table.grow 0 drop br $l end))
