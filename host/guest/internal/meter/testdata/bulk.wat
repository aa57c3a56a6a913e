;; Bulk operations pay for the bytes, growing for the pages that were grown.
(module
  (memory (export "memory") 1 3)
  (data (i32.const 8) "hello")
  (data $d "world")
  (func (export "f") (param i32) (result i32)
    i32.const 0
    i32.const 1
    local.get 0
    memory.fill
    i32.const 1000
    i32.const 0
    local.get 0
    memory.copy
    i32.const 2000
    i32.const 0
    i32.const 5
    memory.init $d
    data.drop $d
    local.get 0
    memory.grow
    memory.size
    i32.add))
