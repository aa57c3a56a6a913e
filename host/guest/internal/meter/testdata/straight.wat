;; Basic blocks: an if with both arms, one without an else, and code after a block that nothing leaves early.
(module
  (func $helper (param i32) (result i32) local.get 0 i32.const 1 i32.add)
  (func (export "f") (param i32) (result i32)
    (local $x i32)
    block
      local.get 0
      br_if 0
      i32.const 7
      local.set $x
    end
    local.get 0
    if (result i32)
      local.get $x
      call $helper
    else
      i32.const 3
      nop
    end
    local.get 0
    if
      local.get 0
      return
    end
    local.get $x
    i32.add))
