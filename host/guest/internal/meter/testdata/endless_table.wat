(module (func (export "f") (local i32)
  loop $a block $b loop $c
    local.get 0 i32.const 1 i32.add i32.const 3 i32.rem_u local.tee 0 br_table $a $c $a
  end end end))
