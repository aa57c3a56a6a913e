;; A loop with values on the stack checks at its head.
(module
  (func (export "f") (param i32) (result i64)
    i64.const 1
    local.get 0
    loop $l (param i64 i32) (result i64)
      local.set 0
      local.get 0
      i64.extend_i32_u
      i64.add
      local.get 0
      i32.const 1
      i32.sub
      local.tee 0
      local.get 0
      br_if $l
      drop
    end))
